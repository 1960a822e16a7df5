// node duckdb.mjs FILE: the checks of gsbatch validate, as far as SQL has them,
// in one scan and a count of distinct keys. Prints how many rows are valid.
import { createRequire } from 'node:module';
const require = createRequire(process.env.GSBATCH_BENCH_PEERS + '/');
const { DuckDBInstance } = require('@duckdb/node-api');

const file = process.argv[2].replaceAll("'", "''");
const db = await (await DuckDBInstance.create(':memory:', { threads: '2' })).connect();
// Names are compared without outer blanks and without regard to case, as the
// tool does; a status must be one of its goal type's.
const answer = await db.runAndReadAll(`
  WITH input AS (
    SELECT * FROM read_csv('${file}', header = true, all_varchar = true, delim = ',', quote = '"', escape = '"', strict_mode = true)
  ), checked AS (
    SELECT
      coalesce(trim(Name), '') = '' OR length(Name) > 4000
        OR contains(concat(Name, Company, "Owner__gc", "Region__gc", "Value__gc", "Channel__gc", "Note__gc"), chr(0)) AS bad_name,
      (lower(trim(Status)), lower(trim("Goal Type"))) NOT IN (
        ('new', 'default'), ('new', 'adoption'), ('new', 'expansion'), ('on track', 'default'), ('on track', 'adoption'), ('on track', 'expansion'),
        ('at risk', 'default'), ('at risk', 'adoption'), ('at risk', 'expansion'), ('achieved', 'default'), ('achieved', 'adoption'), ('achieved', 'expansion')) AS bad_status,
      upper(trim("Entity Type")) NOT IN ('COMPANY', 'RELATIONSHIP', 'OPPORTUNITY', 'GLOBAL') AS bad_entity,
      upper(trim("Entity Type")) = 'COMPANY' AND coalesce(trim(Company), '') = '' AS bad_parent,
      try_strptime(trim("Due Date"), '%Y-%m-%d') IS NULL AS bad_date,
      regexp_matches(Description, '<[a-zA-Z!/]') AS has_html,
      hash(upper(trim("Entity Type")), lower(trim(Company)), lower(trim(Name))) AS key
    FROM input
  )
  SELECT count(*) AS n, count(*) FILTER (bad_name OR bad_status OR bad_entity OR bad_parent OR bad_date) AS bad,
    count(*) FILTER (has_html) AS html, count(DISTINCT key) AS keys
  FROM checked`);
const [n, bad, html, keys] = answer.getRows()[0].map(Number);
if (n !== keys || html > 0) throw new Error(`${n - keys} equal keys, ${html} with HTML`);
console.log(`${n - bad} rows`);
