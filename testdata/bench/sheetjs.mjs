// node sheetjs.mjs FILE: reads the first sheet of a workbook into arrays.
import { createRequire } from 'node:module';
const require = createRequire(process.env.GSBATCH_BENCH_PEERS + '/');
const XLSX = require('xlsx');
const book = XLSX.readFile(process.argv[2], { dense: true });
const rows = XLSX.utils.sheet_to_json(book.Sheets[book.SheetNames[0]], { header: 1, raw: true });
console.log(`${rows.length - 1} rows`);
