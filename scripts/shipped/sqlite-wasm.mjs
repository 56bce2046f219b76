// node sqlite-wasm.mjs PACKAGE SQL: prints each row, as sqlite.wat does.
const [folder, sql] = process.argv.slice(2);
const { default: init } = await import(`${folder}/dist/node.mjs`);
const { oo1 } = await init();
const database = new oo1.DB(':memory:');
// Of a text with several statements, it returns the rows of the first one that has any.
for (const statement of sql.split(';\n').filter(Boolean)) {
    for (const row of database.exec({ sql: statement, returnValue: 'resultRows' })) {
        console.log(row.map(value => `${value}|`).join(''));
    }
}
