package pipeline

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"gsbatch/writers"
)

// Target is where a table goes.
type Target struct {
	Path      string    // of the file; what --split-rows numbers
	Stream    io.Writer // instead of a file; nil for one
	Format    writers.Format
	Gzip      bool
	Sheet     string
	Book      *writers.Book // XLSX: what makes it a workbook to be filled in; nil for none
	Split     int           // rows of a file; 0: one file
	Raw       bool          // CSV: leave cells unguarded
	SkipEmpty bool          // a table without rows is not written
	// Manifest makes the text of Path.manifest.json, once the files are known;
	// nil: there is none.
	Manifest func(Exported) ([]byte, error)
}

// ExportFile is a file of an export.
type ExportFile struct {
	Path   string `json:"path"`
	Rows   int    `json:"rows"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // hex
}

// Try makes sure, before the first call, that the target's first file can be
// written; it leaves nothing but its folder.
func (t *Target) Try() error {
	if t.Stream != nil {
		return nil
	}
	f, err := writers.Create(t.piece(1), writers.FileOptions{})
	if err != nil {
		return err
	}
	f.Abort()
	return nil
}

// piece is the name of the n-th file.
func (t *Target) piece(n int) string {
	if t.Split == 0 {
		return t.Path
	}
	return pieceName(t.Path, n)
}

// ManifestPath is the name of the manifest beside a file.
func ManifestPath(path string) string { return path + ".manifest.json" }

// maxPieces bounds the files of a split table: all are open until they appear.
const maxPieces = 400

// ErrTooManyFiles says that a split would make more files than can appear together.
var ErrTooManyFiles = errors.New("too many files")

// pieces writes the rows of a table into one file or several.
type pieces struct {
	to     *Target
	header []writers.Column
	tables []*writers.Table
	files  []ExportFile
	rows   int // of the last file
}

func newPieces(to *Target, header []writers.Column) (*pieces, error) {
	p := &pieces{to: to, header: header}
	return p, p.next()
}

// next begins the next file.
func (p *pieces) next() error {
	if len(p.tables) == maxPieces {
		return fmt.Errorf("%s: %w: more than %d of %d rows", p.to.Path, ErrTooManyFiles, maxPieces, p.to.Split)
	}
	o := writers.TableOptions{Format: p.to.Format, Gzip: p.to.Gzip, RawFormulas: p.to.Raw, Sheet: p.to.Sheet, Book: p.to.Book}
	o.Sum = true
	path := p.to.piece(len(p.tables) + 1)
	var table *writers.Table
	var err error
	if p.to.Stream != nil {
		table, err = writers.NewStream(p.to.Stream, path, p.header, o)
	} else {
		table, err = writers.NewTable(path, p.header, o)
	}
	if err != nil {
		return err
	}
	p.tables, p.rows = append(p.tables, table), 0
	p.files = append(p.files, ExportFile{Path: path})
	return nil
}

// pieceName numbers a file before its extensions: goals-001.csv.gz.
func pieceName(path string, n int) string {
	dir, base := filepath.Split(path)
	stem, ext := base, ""
	for _, end := range []string{filepath.Ext(base), filepath.Ext(strings.TrimSuffix(base, ".gz"))} {
		if end != "" && end != base {
			ext = base[strings.LastIndex(base, end):]
			stem = strings.TrimSuffix(base, ext)
		}
	}
	return filepath.Join(dir, fmt.Sprintf("%s-%03d%s", stem, n, ext))
}

func (p *pieces) write(cells []string) error {
	if p.to.Split > 0 && p.rows == p.to.Split {
		// Its encoder has done; only its name is left to be given.
		if err := p.tables[len(p.tables)-1].Prepare(); err != nil {
			return err
		}
		if err := p.next(); err != nil {
			return err
		}
	}
	p.rows++
	p.files[len(p.files)-1].Rows++
	return p.tables[len(p.tables)-1].Write(cells)
}

// commit lets all files appear, and their manifest last: while there is none,
// or its sums do not fit, they are not an export that is whole.
func (p *pieces) commit(out *Exported) error {
	for i, table := range p.tables {
		if err := table.Prepare(); err != nil {
			return err
		}
		if p.to.Stream == nil {
			sum, size := table.Sum()
			p.files[i].SHA256, p.files[i].Bytes = hex.EncodeToString(sum), size
		}
		p.notes(out, i, table)
	}
	if p.to.Stream != nil {
		return p.tables[0].Commit()
	}
	out.Files = p.files
	if p.to.Manifest == nil {
		return p.appear()
	}
	manifest, err := p.manifest(*out)
	if err != nil {
		return err
	}
	defer manifest.Abort()
	if err := writers.Remove(ManifestPath(p.to.Path), writers.FileOptions{}); err != nil {
		return err
	}
	if err := p.appear(); err != nil {
		return err
	}
	if next := pieceName(p.to.Path, len(p.tables)+1); p.to.Split > 0 && exists(next) {
		out.Leftover = next
	}
	return manifest.Commit()
}

func (p *pieces) appear() error {
	for _, table := range p.tables {
		if err := table.Commit(); err != nil {
			return err
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// maxExportNotes bounds the notes that an account lists.
const maxExportNotes = 100

func (p *pieces) notes(out *Exported, i int, table *writers.Table) {
	first, total := table.Notes()
	out.NotesTotal += total
	for _, note := range first {
		if len(out.Notes) < maxExportNotes {
			out.Notes = append(out.Notes, p.files[i].Path+": "+note.String())
		}
	}
}

func (p *pieces) manifest(out Exported) (*writers.File, error) {
	text, err := p.to.Manifest(out)
	if err != nil {
		return nil, err
	}
	f, err := writers.Create(ManifestPath(p.to.Path), writers.FileOptions{})
	if err != nil {
		return nil, err
	}
	if _, err = f.Write(text); err == nil {
		err = f.Prepare()
	}
	if err != nil {
		f.Abort()
		return nil, err
	}
	return f, nil
}

func (p *pieces) abort() {
	for _, table := range p.tables {
		table.Abort()
	}
}

// ManifestText is v as the text of a manifest.
func ManifestText(v any) ([]byte, error) {
	text, err := json.MarshalIndent(v, "", "  ")
	return append(text, '\n'), err
}

// write turns the records of the spool into the rows of the target.
func (e *export) write(ctx context.Context) error {
	kinds, err := e.kindsOf()
	if err != nil {
		return err
	}
	columns := e.columns(kinds)
	header := make([]writers.Column, len(columns))
	for i, c := range columns {
		header[i] = c.Column
		e.out.Columns = append(e.out.Columns, c.Name)
	}
	p, err := newPieces(&e.cfg.Target, header)
	if err != nil {
		return err
	}
	defer p.abort()
	cells := make([]string, len(columns))
	var s stored
	for record, err := range e.records(ctx) {
		if err == nil {
			err = s.read(record.Text)
		}
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		for i, c := range columns {
			cells[i] = c.cell(&s)
		}
		if err := p.write(cells); err != nil {
			return err
		}
	}
	return p.commit(&e.out)
}

// WriteRows writes rows, one cell for each column, to a target.
func WriteRows(to Target, header []writers.Column, rows [][]string) (Exported, error) {
	out := Exported{Rows: len(rows), Proved: true}
	for _, c := range header {
		out.Columns = append(out.Columns, c.Name)
	}
	if len(rows) == 0 && to.SkipEmpty {
		out.Empty = true
		return out, nil
	}
	p, err := newPieces(&to, header)
	if err != nil {
		return out, err
	}
	defer p.abort()
	for _, cells := range rows {
		if err := p.write(cells); err != nil {
			return out, err
		}
	}
	return out, p.commit(&out)
}
