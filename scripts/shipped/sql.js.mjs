// node sql.js.mjs PACKAGE SQL: prints each row, as sqlite.wat does.
import { createRequire } from 'node:module';

const [folder, sql] = process.argv.slice(2);
const { Database } = await createRequire(import.meta.url)(`${folder}/dist/sql-wasm.js`)();
for (const { values } of new Database().exec(sql)) {
    for (const row of values) {
        console.log(row.map(value => `${value}|`).join(''));
    }
}
