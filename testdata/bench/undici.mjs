// node undici.mjs FILE URL: reads a CSV file as it comes and POSTs each row over
// 64 connections. Prints how many rows were created.
import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
const require = createRequire(process.env.GSBATCH_BENCH_PEERS + '/');
const { Pool } = require('undici');

async function* records(path) {
  let record = [], cell = '', quoted = false, pending = false;
  for await (const text of createReadStream(path, { encoding: 'utf8', highWaterMark: 1 << 18 })) {
    let from = 0;
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i);
      if (quoted) {
        if (c === 34) { cell += text.slice(from, i); from = i + 1; quoted = false; pending = true; }
      } else if (c === 34) {
        if (pending) cell += '"';
        from = i + 1; quoted = true; pending = false;
      } else if (c === 44 || c === 10) {
        record.push(pending ? cell : cell + text.slice(from, i));
        cell = ''; from = i + 1; pending = false;
        if (c === 10) { yield record; record = []; }
      }
    }
    if (!pending) cell += text.slice(from);
  }
}

const [, , file, url] = process.argv;
const pool = new Pool(url, { connections: 64 });
const lookups = { CompanyId: { fields: { CompanyName: 'Name' }, lookupField: 'Gsid', objectName: 'company', multiMatchOption: 'MARKASERROR', onNoMatch: 'ERROR' } };
const headers = { 'content-type': 'application/json', accesskey: 'emulator' };

async function post(c) {
  const [Name, StatusName, GoalTypeName, EntityType, CompanyName, DueDate, Description, Owner__gc, Region__gc, Value__gc, Channel__gc, Note__gc] = c;
  const record = { Name, StatusName, GoalTypeName, EntityType, CompanyName, DueDate, Description, Owner__gc, Region__gc, Value__gc, Channel__gc, Note__gc };
  const { statusCode, body } = await pool.request({ path: '/v1/csgoal/external/create', method: 'POST', headers, body: JSON.stringify({ requests: [{ record }], lookups }) });
  const answer = await body.json();
  if (statusCode !== 200 || !answer.data.goal.Gsid) throw new Error(`HTTP ${statusCode}`);
}

let rows = -1;
const rest = records(file);
await rest.next();
await Promise.all(Array.from({ length: 64 }, async () => {
  for (let next = await rest.next(); !next.done; next = await rest.next()) {
    await post(next.value);
    rows++;
  }
}));
await pool.close();
console.log(`${rows + 1} rows`);
