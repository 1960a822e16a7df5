package pipeline

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"modernc.org/sqlite" // also to look into a run's database from outside
)

// A full disk, wherever the tests run: triggers on every table of the state
// folder's databases fail as SQLite does where a file cannot grow. They ask
// noRoom, whose memory is the length of two files, brim and spare.

// brimful is a disk that fills up once fill was called: fits more rows of any
// table can be written then, and spare rows in the room of the reserve, once
// that is given back.
type brimful struct {
	*stage
	fits, spare int
}

// plenty is the room of a reserve that nobody else takes.
const plenty = math.MaxInt32

func (b *brimful) fill() {
	for _, name := range []string{"spare", "brim"} { // brim last: noRoom looks for it
		if err := os.WriteFile(filepath.Join(b.dir, name), nil, 0o600); err != nil {
			b.Error(err)
		}
	}
}

// noRoom says whether a write fails.
func noRoom(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
	dir, fits, spare := args[0].(string), args[1].(int64), args[2].(int64)
	if taken := lengthen(filepath.Join(dir, "brim")); taken <= fits {
		return int64(0), nil
	}
	if held, err := filepath.Glob(filepath.Join(dir, "runs/*.reserve")); len(held) > 0 || err != nil {
		return int64(1), err
	}
	if lengthen(filepath.Join(dir, "spare")) <= spare {
		return int64(0), nil
	}
	return int64(1), nil
}

// lengthen adds a byte to a file and gives its length, 0 where there is none.
func lengthen(path string) int64 {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return 0
	}
	defer file.Close()
	_, _ = file.Write([]byte{0})
	info, err := file.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

// fillDisk lays the triggers; nothing fails until fill.
func (s *stage) fillDisk(fits, spare int) *brimful {
	s.Helper()
	s.makeRoom() // triggers that a copied state folder brought along
	for _, path := range s.databases() {
		statements := `CREATE TABLE brim (n INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO brim VALUES (9223372036854775807);`
		for _, table := range s.names(path, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'brim'`) {
			for _, change := range []string{"INSERT", "UPDATE", "DELETE"} {
				statements += fmt.Sprintf(`CREATE TRIGGER full_%[1]s_%[2]s BEFORE %[2]s ON %[1]s WHEN no_room('%[3]s', %[4]d, %[5]d) BEGIN INSERT INTO brim VALUES (NULL); END;`,
					table, change, s.dir, fits, spare) // no number is left: SQLITE_FULL
			}
		}
		s.exec(path, "BEGIN;"+statements+"COMMIT")
	}
	return &brimful{s, fits, spare}
}

// makeRoom ends what fillDisk began.
func (s *stage) makeRoom() {
	s.Helper()
	for _, name := range []string{"brim", "spare"} {
		if err := os.Remove(filepath.Join(s.dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			s.Error(err)
		}
	}
	for _, path := range s.databases() {
		var statements strings.Builder
		for _, trigger := range s.names(path, `SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'full\_%' ESCAPE '\'`) {
			statements.WriteString("DROP TRIGGER " + trigger + ";")
		}
		s.exec(path, "BEGIN;"+statements.String()+"DROP TABLE IF EXISTS brim;COMMIT")
	}
}

// databases are those of the state folder.
func (s *stage) databases() []string {
	s.Helper()
	runs, err := filepath.Glob(filepath.Join(s.dir, "runs/*.db"))
	if err != nil {
		s.Fatal(err)
	}
	return append(runs, filepath.Join(s.dir, "tenant.db"))
}

// fromOutside is a connection to a database of the state folder that is none of
// the pipeline's.
func fromOutside(t testing.TB, path string) *sql.DB {
	t.Helper()
	u := url.URL{Scheme: "file", Path: path, RawQuery: "_pragma=busy_timeout(5000)&_pragma=synchronous(OFF)"}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	return db
}

// exec changes a database from outside.
func (s *stage) exec(path, statements string) {
	s.Helper()
	db := fromOutside(s, path)
	defer db.Close()
	if _, err := db.Exec(statements); err != nil {
		s.Errorf("%s: %v", filepath.Base(path), err)
	}
}

// names reads a column of texts.
func (s *stage) names(path, query string) (all []string) {
	s.Helper()
	db := fromOutside(s, path)
	defer db.Close()
	rows, err := db.Query(query)
	if err != nil {
		s.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			s.Fatal(err)
		}
		all = append(all, name)
	}
	if err := rows.Err(); err != nil {
		s.Fatal(err)
	}
	return all
}
