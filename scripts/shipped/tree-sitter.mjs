// node tree-sitter.mjs PACKAGE GRAMMAR INPUT: prints what tree-sitter.wat prints, by the package's JavaScript.
const [folder, grammar, text] = process.argv.slice(2);
const { Language, Parser } = await import(`${folder}/web-tree-sitter.js`);
await Parser.init();
const parser = new Parser();
parser.setLanguage(await Language.load(grammar));
process.stdout.write(parser.parse(text).rootNode.toString());
