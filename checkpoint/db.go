package checkpoint

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"modernc.org/sqlite" // also the driver of that name
	sqlite3 "modernc.org/sqlite/lib"
)

// busyTimeout is how long a statement waits for another process's transaction.
const busyTimeout = 20 * time.Second

// readers is how many connections read at a time.
const readers = 4

// database is one SQLite file. Writes go through one connection, since SQLite
// allows one writer; reads have their own, so that a report or the feed of
// apply never stands between two commits.
type database struct {
	path  string
	born  os.FileInfo // of the file that was opened for writing
	write *sql.DB
	read  *sql.DB
}

// openDatabase opens the file at path and applies schema to it, a statement
// list that must be safe to repeat. A new file is made 0600 before SQLite
// opens it; the files SQLite lays beside it inherit that.
func openDatabase(ctx context.Context, path, schema string) (*database, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, &StorageError{Path: path, Err: err}
	}
	born, err := file.Stat()
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, &StorageError{Path: path, Err: err}
	}
	db := &database{path: path, born: born}
	// synchronous=FULL: a commit is on the disk when it returns.
	db.write, err = sql.Open("sqlite", dsn(path, "rw",
		"_pragma=journal_mode(WAL)", "_pragma=synchronous(FULL)", "_txlock=immediate"))
	if err != nil {
		return nil, &StorageError{Path: path, Err: err}
	}
	db.write.SetMaxOpenConns(1)
	if err := db.apply(ctx, schema); err != nil {
		_ = db.write.Close()
		return nil, db.wrap(err)
	}
	if db.read, err = openReader(path); err != nil {
		_ = db.write.Close()
		return nil, err
	}
	return db, nil
}

// apply runs the schema. Several processes may open a new file at a time, and
// SQLite does not wait for its turn while a file becomes one with a write-ahead
// log; so it is waited for here.
func (db *database) apply(ctx context.Context, schema string) error {
	for deadline := time.Now().Add(busyTimeout); ; {
		_, err := db.write.ExecContext(ctx, schema)
		var failed *sqlite.Error
		if err == nil || !errors.As(err, &failed) || failed.Code()&0xff != sqlite3.SQLITE_BUSY || time.Now().After(deadline) {
			return err
		}
		_, _ = db.write.ExecContext(ctx, `ROLLBACK`) // of what the schema began, if it did
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// openDatabaseReadOnly opens an existing file for reading alone.
func openDatabaseReadOnly(path string) (*database, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, &StorageError{Path: path, Err: err}
	}
	if err := undoTornBirth(path); err != nil {
		return nil, &StorageError{Path: path, Err: err}
	}
	read, err := openReader(path)
	if err != nil {
		return nil, err
	}
	return &database{path: path, read: read}, nil
}

// undoTornBirth undoes the first transaction of a file whose maker was killed
// in it. A connection that only reads may not, and would refuse the file for
// good. Later transactions leave no such journal: they are in the
// write-ahead log.
func undoTornBirth(path string) error {
	if _, err := os.Stat(path + "-journal"); err != nil {
		return nil
	}
	db, err := sql.Open("sqlite", dsn(path, "rw"))
	if err != nil {
		return err
	}
	var tables int
	err = db.QueryRow(`SELECT count(*) FROM sqlite_schema`).Scan(&tables)
	return errors.Join(err, db.Close())
}

func openReader(path string) (*sql.DB, error) {
	read, err := sql.Open("sqlite", dsn(path, "ro", "_pragma=query_only(1)"))
	if err != nil {
		return nil, &StorageError{Path: path, Err: err}
	}
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers) // to open one again costs more than most reads
	return read, nil
}

// openReaders opens all connections for reading now: they can be used also when
// the file has lost its name.
func (db *database) openReaders(ctx context.Context) error {
	var opened [readers]*sql.Conn
	var err error
	for i := range opened {
		var tables int
		if opened[i], err = db.read.Conn(ctx); err != nil {
			break
		}
		if err = opened[i].QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema`).Scan(&tables); err != nil {
			break
		}
	}
	for _, conn := range opened {
		if conn != nil {
			err = errors.Join(err, conn.Close()) // back into the pool
		}
	}
	return db.wrap(err)
}

// dsn is the driver's name of the file at path; a URI, so that any character
// may stand in the path.
func dsn(path, mode string, options ...string) string {
	query := fmt.Sprintf("mode=%s&_pragma=busy_timeout(%d)", mode, busyTimeout.Milliseconds())
	for _, o := range options {
		query += "&" + o
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: query}
	return u.String()
}

// close closes both ends. SQLite folds its write-ahead log into the file then.
func (db *database) close() error {
	var err error
	if db.read != nil {
		err = db.read.Close()
	}
	if db.write != nil {
		err = errors.Join(err, db.write.Close())
	}
	return db.wrap(err)
}

// wrap tells a failing database from a caller that gave up.
func (db *database) wrap(err error) error {
	var storage *StorageError
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.As(err, &storage):
		return err
	}
	return &StorageError{Path: db.path, Err: err}
}

// transaction runs do in one durable transaction.
func (db *database) transaction(ctx context.Context, do func(*sql.Tx) error) error {
	if db.write == nil {
		return &StorageError{Path: db.path, Err: errors.New("it is open for reading alone")}
	}
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return db.wrap(err)
	}
	if err := do(tx); err != nil {
		_ = tx.Rollback()
		return db.wrap(rolledBack(ctx, err))
	}
	if err := tx.Commit(); err != nil {
		return db.wrap(rolledBack(ctx, err))
	}
	return db.inPlace()
}

// rolledBack is ctx's error in place of the word that a transaction is over,
// where it was rolled back because ctx ended.
func rolledBack(ctx context.Context, err error) error {
	if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// ErrVanished says that a file of the state folder, or the folder, was deleted,
// moved or replaced while it was in use. What is written to a file without a
// name is lost with the process.
var ErrVanished = errors.New("it was deleted, moved or replaced while in use")

// inPlace looks whether the file is still where it was opened. It takes some
// microseconds, so that it can follow each commit.
func (db *database) inPlace() error {
	now, err := os.Stat(db.path)
	switch {
	case errors.Is(err, os.ErrNotExist), err == nil && !os.SameFile(now, db.born):
		return &StorageError{Path: db.path, Err: ErrVanished}
	case err != nil:
		return &StorageError{Path: db.path, Err: err}
	}
	return nil
}
