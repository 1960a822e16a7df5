package readers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"unicode/utf16"
)

// Options say how to read a file. The zero value finds everything out.
type Options struct {
	Format    Format    // "": by the file's first bytes and its extension
	Sheet     string    // XLSX: "" is that of a workbook of ours, else the only visible sheet with data
	HeaderRow int       // CSV and XLSX: row number from 1, as a spreadsheet shows it; 0 is the first row that is not blank
	Delimiter rune      // CSV: one ASCII character; 0 finds it out
	Encoding  string    // CSV and JSONL: utf-8, utf-16le, utf-16be or windows-1252; "" finds it out
	Stdin     io.Reader // what the path "-" reads
	StdinName string    // what places call it; "": stdin
	TempDir   string    // where streams are spooled; "" is the system's folder
	Limits    Limits
}

// Limits bound what a file may cost. Zero is the default, negative is no limit
// (of the record and of columns there always is one).
type Limits struct {
	File     int64 // bytes of a workbook; 100 MB
	Unzipped int64 // bytes of a workbook's parts together; 512 MB
	Ratio    int64 // unpacked to packed, of a workbook's parts and of .gz; 200
	Rows     int   // rows below the header; 1,048,576
	Columns  int   // 16,384
	Record   int64 // bytes of one CSV record, JSONL line, or run of text in a workbook; 16 MB, at most 512 MB
}

func (l Limits) orDefault() Limits {
	set := func(v *int64, preset int64) {
		if *v == 0 {
			*v = preset
		}
	}
	set(&l.File, 100<<20)
	set(&l.Unzipped, 512<<20)
	set(&l.Ratio, 200)
	if l.Rows == 0 {
		l.Rows = maxSheetRow
	}
	if l.Columns <= 0 || l.Columns > maxSheetColumn {
		l.Columns = maxSheetColumn
	}
	if l.Record <= 0 {
		l.Record = 16 << 20
	}
	l.Record = min(l.Record, 512<<20)
	return l
}

// Open opens the table in the file at path, "-" being o.Stdin. It reads what
// must be known of the whole file: the keys of a JSONL file, the shared strings
// of a workbook. The errors are *Error, or ctx's own. ctx
// bounds the copying of a stream; the rows are read without it. Close the table.
func Open(ctx context.Context, path string, o Options) (*Table, error) {
	o.Limits = o.Limits.orDefault()
	if err := o.check(); err != nil {
		return nil, err
	}
	s, err := openSource(ctx, path, o)
	if err != nil {
		return nil, err
	}
	t := &Table{source: s, limits: o.Limits}
	if err := t.open(ctx, o); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

func (o Options) check() error {
	switch charset(o.Encoding) {
	case "", utf8Set, utf16LE, utf16BE, windows:
	default:
		return &Error{What: "encoding " + quote(o.Encoding) + " is not known", Mend: "name " + allCharset, Err: ErrOption}
	}
	switch o.Format {
	case "", CSV, XLSX, JSONL:
	default:
		return &Error{What: "format " + quote(string(o.Format)) + " is not known", Mend: "name csv, xlsx or jsonl", Err: ErrOption}
	}
	if o.HeaderRow < 0 {
		return &Error{What: fmt.Sprintf("header row %d is not a row", o.HeaderRow), Mend: "count rows from 1", Err: ErrOption}
	}
	return nil
}

func (t *Table) open(ctx context.Context, o Options) error {
	var err error
	if t.format, err = t.source.detect(o); err != nil {
		return err
	}
	if err := t.applies(o); err != nil {
		return err
	}
	if t.format == XLSX && t.source.gzip {
		if t.source, err = t.source.unpack(ctx, o); err != nil {
			return err
		}
	}
	switch t.format {
	case XLSX:
		return openXLSX(t, o)
	case JSONL:
		return openJSONL(t, o)
	default:
		return openCSV(t, o)
	}
}

// applies refuses options that mean nothing for the table's format.
func (t *Table) applies(o Options) error {
	wrong := ""
	switch {
	case o.Sheet != "" && t.format != XLSX:
		wrong = "--sheet " + quote(o.Sheet)
	case o.HeaderRow != 0 && t.format == JSONL:
		wrong = fmt.Sprintf("--header-row %d", o.HeaderRow)
	case o.Delimiter != 0 && t.format != CSV:
		wrong = "--delimiter " + quote(string(o.Delimiter))
	case o.Encoding != "" && t.format == XLSX:
		wrong = "--encoding " + o.Encoding
	default:
		return nil
	}
	return &Error{Place: t.source.whole(), What: fmt.Sprintf("%s means nothing for a %s file", wrong, t.format), Mend: "leave it out", Err: ErrOption}
}

// detect tells the format: what the first bytes prove, then the option, then
// the extension, then what the first bytes suggest.
func (s *source) detect(o Options) (Format, error) {
	head, err := s.textHead()
	if err != nil {
		return "", err
	}
	if err := s.refuseKnown(head); err != nil {
		return "", err
	}
	zipped := bytes.HasPrefix(head, []byte("PK\x03\x04")) || bytes.HasPrefix(head, []byte("PK\x05\x06"))
	byName := formatOf(s.name)
	switch {
	case zipped && (o.Format == "" || o.Format == XLSX):
		return XLSX, nil
	case zipped:
		return "", &Error{Place: s.whole(), What: fmt.Sprintf("is a workbook or another zip file, not %s", o.Format), Mend: "leave the format out", Err: ErrOption}
	case o.Format == XLSX || o.Format == "" && byName == XLSX:
		return "", s.noWorkbook(head)
	case o.Format != "":
		return o.Format, nil
	case byName != "":
		return byName, nil
	case bytes.HasPrefix(head, []byte("{")):
		return JSONL, nil
	}
	return CSV, nil
}

// textHead is the beginning of the content without byte order mark and blanks.
func (s *source) textHead() ([]byte, error) {
	in, err := s.content()
	if err != nil {
		return nil, err
	}
	head := make([]byte, 512)
	n, _, err := readBlock(in, head)
	if err != nil {
		return nil, s.readError(err)
	}
	_, mark := bomOf(head[:n])
	return bytes.TrimLeft(head[mark:n], " \t\r\n"), nil
}

func formatOf(name string) Format {
	name = strings.TrimSuffix(strings.ToLower(name), ".gz")
	switch filepath.Ext(name) {
	case ".csv", ".tsv", ".tab", ".txt", ".psv":
		return CSV
	case ".jsonl", ".ndjson", ".json":
		return JSONL
	case ".xlsx", ".xlsm", ".xltx", ".xltm":
		return XLSX
	}
	return ""
}

// refuseKnown names files of well-known other kinds.
func (s *source) refuseKnown(head []byte) error {
	lower := bytes.ToLower(head)
	kind, mend := "", ""
	switch {
	case bytes.HasPrefix(head, []byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1")):
		return s.refuseCompound()
	case bytes.HasPrefix(head, []byte("%PDF-")):
		kind, mend = "a PDF", "export the table as CSV or XLSX"
	case bytes.HasPrefix(lower, []byte("<!doctype")), bytes.HasPrefix(lower, []byte("<html")), bytes.HasPrefix(lower, []byte("<table")), bytes.HasPrefix(lower, []byte("<?xml")):
		kind, mend = "a web page or XML", "open it in a spreadsheet and save it as .xlsx, or export it as CSV"
	case bytes.HasPrefix(head, []byte("[")) && formatOf(s.name) == JSONL:
		kind, mend = "a JSON array", "write one object a line, for example with: jq -c '.[]'"
	case bytes.HasPrefix(head, []byte("BZh")), bytes.HasPrefix(head, []byte("\xFD7zXZ\x00")), bytes.HasPrefix(head, []byte("\x28\xB5\x2F\xFD")):
		kind, mend = "a packed file", "unpack it, or pack it with gzip"
	default:
		return nil
	}
	return &Error{Place: s.whole(), What: "is " + kind + ", not a table", Mend: mend, Err: ErrNotTable}
}

// refuseCompound tells an encrypted workbook from an old one: both are
// compound files, and streams in it are named in UTF-16.
func (s *source) refuseCompound() error {
	encrypted, err := s.contains(utf16Bytes("EncryptedPackage"))
	if err != nil {
		return err
	}
	if encrypted {
		return &Error{Place: s.whole(), What: "is encrypted", Mend: "open it with its password and save a copy without one", Err: ErrNotTable}
	}
	return &Error{Place: s.whole(), What: "is a workbook of Excel 97-2003 (.xls)", Mend: "save it as .xlsx", Err: ErrNotTable}
}

func utf16Bytes(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return b
}

// contains searches the file's bytes.
func (s *source) contains(what []byte) (bool, error) {
	in := s.raw()
	buf := make([]byte, textBlock)
	kept := 0
	for {
		n, err := in.Read(buf[kept:])
		b := buf[:kept+n]
		if bytes.Contains(b, what) {
			return true, nil
		}
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, s.readError(err)
		}
		kept = copy(buf, b[max(0, len(b)-len(what)):])
	}
}

func (s *source) noWorkbook(head []byte) error {
	e := &Error{Place: s.whole(), What: "is not a workbook", Mend: "export or copy it again", Err: ErrNotTable}
	switch {
	case len(head) == 0:
		e.What = "is empty"
	case bytes.IndexByte(head, 0) < 0:
		e.Mend = "it looks like text: rename it to .csv"
	}
	return e
}
