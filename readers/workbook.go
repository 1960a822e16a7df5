package readers

import (
	"archive/zip"
	"bufio"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/flate"
)

// workbook is the zip of an XLSX file and what its parts say before any sheet is read.
type workbook struct {
	source   *source
	limits   Limits
	parts    map[string]*zip.File // by lower-case name without leading slash
	path     string               // of the workbook part
	sheets   []sheetEntry         // in the workbook's order
	date1904 bool
	styles   []style
	strings  sharedStrings
}

// sheetEntry is a sheet of the workbook.
type sheetEntry struct {
	name   string
	part   string
	hidden bool
	chart  bool // no cells: a chart, dialog or macro sheet
}

// openWorkbook checks the zip against the limits and reads all but the sheets.
func openWorkbook(s *source, l Limits) (*workbook, error) {
	if l.File > 0 && s.size > l.File {
		return nil, &Error{Place: s.whole(), What: fmt.Sprintf("workbook of %d bytes is larger than %d", s.size, l.File), Mend: "split it, or save the sheet as CSV", Err: ErrLimit}
	}
	z, err := zip.NewReader(s.raw(), s.size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, s.damaged(err)
	}
	z.RegisterDecompressor(zip.Deflate, flate.NewReader)
	w := &workbook{source: s, limits: l, parts: make(map[string]*zip.File, len(z.File))}
	if err := w.index(z.File); err != nil {
		return nil, err
	}
	if err := w.readParts(); err != nil {
		return nil, err
	}
	return w, nil
}

// index notes the parts and refuses a zip over the limits.
func (w *workbook) index(files []*zip.File) error {
	var total uint64
	for _, f := range files {
		name := partName(f.Name)
		if _, dup := w.parts[name]; dup {
			return w.wrong(f.Name, caused{ErrDamaged, errors.New("the zip has two parts of this name")})
		}
		w.parts[name] = f
		total += min(f.UncompressedSize64, 1<<50)
		if w.limits.Unzipped > 0 && total > uint64(w.limits.Unzipped) {
			return w.tooLarge(fmt.Sprintf("unpacks to more than %d bytes", w.limits.Unzipped))
		}
		if w.limits.Ratio > 0 && f.UncompressedSize64 > harmless && f.UncompressedSize64/uint64(w.limits.Ratio) > f.CompressedSize64 {
			return w.tooLarge(fmt.Sprintf("part %s unpacks to more than %d times its size", quote(f.Name), w.limits.Ratio))
		}
	}
	return nil
}

func (w *workbook) tooLarge(what string) error {
	return &Error{Place: w.source.whole(), What: what, Mend: "save the sheet as CSV if you trust the file", Err: ErrLimit}
}

func partName(name string) string {
	return strings.ToLower(strings.TrimPrefix(strings.ReplaceAll(name, `\`, "/"), "/"))
}

// wrong is an error about a part.
func (w *workbook) wrong(part string, err error) error {
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	return &Error{Place: w.source.whole(), What: "part " + quote(part), Mend: "open the workbook in a spreadsheet and save it again", Err: err}
}

// open begins to read a part. Its checksum is tested when it is read to its end.
func (w *workbook) open(part string) (*xmlScanner, io.Closer, error) {
	f, ok := w.parts[partName(part)]
	if !ok {
		return nil, nil, w.wrong(part, caused{ErrDamaged, errors.New("is missing from the workbook")})
	}
	const described = 0x8 // the checksum stands behind the data
	if f.CRC32 == 0 && f.UncompressedSize64 > 0 && f.Flags&described == 0 {
		return nil, nil, w.wrong(part, caused{ErrDamaged, errors.New("has no checksum")})
	}
	in, err := f.Open()
	if err != nil {
		return nil, nil, w.wrong(part, damage(err))
	}
	limited := io.ReadCloser(&partReader{r: in, left: f.UncompressedSize64})
	if f.UncompressedSize64 > aheadSize {
		limited = readAhead(limited)
	}
	buffered := bufio.NewReaderSize(limited, 4096)
	head, err := buffered.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, errors.Join(w.wrong(part, err), limited.Close())
	}
	var r io.Reader = buffered
	if c, _ := bomOf(head); c == utf16LE || c == utf16BE {
		if _, err := buffered.Discard(2); err != nil {
			return nil, nil, errors.Join(w.wrong(part, err), limited.Close())
		}
		r = newDecoder(buffered, c, w.source.name)
	}
	return newXMLScanner(r, part, w.limits), limited, nil
}

// partReader reads a part, of no more bytes than the zip declared.
type partReader struct {
	r    io.ReadCloser
	left uint64
}

func (p *partReader) Close() error { return p.r.Close() }

func (p *partReader) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if uint64(n) > p.left {
		return 0, caused{ErrDamaged, errors.New("unpacks to more than the zip declares")}
	}
	p.left -= uint64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		err = damage(err)
	}
	return n, err
}

// read calls start for every element of a part when it opens, with its parent's
// local name ("" for the root), and reads the part to its end.
func (w *workbook) read(part string, start func(x *xmlScanner, parent string) error) error {
	x, closer, err := w.open(part)
	if err != nil {
		return err
	}
	if err := errors.Join(walk(x, start), closer.Close()); err != nil {
		return w.wrong(part, err)
	}
	return nil
}

func walk(x *xmlScanner, start func(x *xmlScanner, parent string) error) error {
	var parents []string
	for {
		token, err := x.next()
		if err != nil {
			return notEnd(err)
		}
		switch token {
		case xmlStart:
			parent := ""
			if len(parents) > 0 {
				parent = parents[len(parents)-1]
			}
			name := string(x.name)
			if err := start(x, parent); err != nil {
				return err
			}
			parents = append(parents, name)
		case xmlEnd:
			parents = parents[:len(parents)-1]
		}
	}
}

// relation is a relationship of a part.
type relation struct {
	kind   string // last element of its type
	target string // name of the part it points to
}

// relations reads the relationships of part by id; "" are those of the package.
func (w *workbook) relations(part string) (map[string]relation, error) {
	dir, base := path.Split(part)
	found := make(map[string]relation)
	err := w.read(dir+"_rels/"+base+".rels", func(x *xmlScanner, _ string) error {
		if string(x.name) != "Relationship" || x.attr("TargetMode") == "External" {
			return nil
		}
		id, target := x.attr("Id"), x.attr("Target")
		if _, dup := found[id]; dup || id == "" || target == "" {
			return x.wrong("relationship %s has no target or stands twice", quote(id))
		}
		if !strings.HasPrefix(target, "/") {
			target = path.Join("/", dir, target)
		}
		found[id] = relation{path.Base(x.attr("Type")), strings.TrimPrefix(path.Clean(target), "/")}
		return nil
	})
	return found, err
}

// readParts finds the workbook part and reads it, the styles and the shared strings.
func (w *workbook) readParts() error {
	if err := w.refuseOthers(); err != nil {
		return err
	}
	root, err := w.relations("")
	if err != nil {
		return err
	}
	for _, r := range root {
		if r.kind == "officeDocument" {
			w.path = r.target
		}
	}
	if w.path == "" {
		return &Error{Place: w.source.whole(), What: "is a zip file, but no workbook", Mend: "unpack it, and name the table in it", Err: ErrNotTable}
	}
	relations, err := w.relations(w.path)
	if err != nil {
		return err
	}
	if err := w.readSheets(relations); err != nil {
		return err
	}
	return w.readShared(relations)
}

// refuseOthers names files of well-known other kinds that are zip files too.
func (w *workbook) refuseOthers() error {
	has := func(part string) bool { return w.parts[part] != nil }
	kind := ""
	switch {
	case has("xl/workbook.bin"):
		kind = "a binary workbook (.xlsb)"
	case has("content.xml") && has("mimetype"):
		kind = "an OpenDocument file (.ods)"
	case has("index/document.iwa"):
		kind = "a Numbers file"
	case has("word/document.xml"):
		kind = "a Word document"
	case has("ppt/presentation.xml"):
		kind = "a presentation"
	case !has("_rels/.rels") && !has("xl/workbook.xml"):
		return &Error{Place: w.source.whole(), What: "is a zip file, but no workbook", Mend: "unpack it, and name the table in it", Err: ErrNotTable}
	default:
		return nil
	}
	return &Error{Place: w.source.whole(), What: "is " + kind, Mend: "save it as .xlsx or CSV", Err: ErrNotTable}
}

func (w *workbook) readSheets(relations map[string]relation) error {
	err := w.read(w.path, func(x *xmlScanner, parent string) error {
		switch {
		case parent == "" && !x.isMain("workbook"):
			return x.wrong("the root element is not a workbook")
		case parent == "workbook" && x.isMain("workbookPr"):
			var err error
			w.date1904, err = x.flag("date1904")
			return err
		case parent == "sheets" && x.isMain("sheet"):
			return w.addSheet(x, relations)
		}
		return nil
	})
	if err == nil && len(w.sheets) == 0 {
		err = w.wrong(w.path, caused{ErrDamaged, errors.New("lists no sheet")})
	}
	return err
}

// flag is a boolean attribute, false if it is not there.
func (x *xmlScanner) flag(name string) (bool, error) {
	switch v := x.attr(name); v {
	case "", "0", "false":
		return false, nil
	case "1", "true":
		return true, nil
	default:
		return false, x.wrong("attribute %s is %s, not 0 or 1", name, quote(v))
	}
}

func (w *workbook) addSheet(x *xmlScanner, relations map[string]relation) error {
	id := ""
	for _, a := range x.attrs {
		if strings.HasSuffix(string(a.name), ":id") {
			id = string(a.value)
		}
	}
	name, state := x.attr("name"), x.attr("state")
	r, ok := relations[id]
	switch {
	case !ok:
		return x.wrong("sheet %s has no part: relationship %s is missing", quote(name), quote(id))
	case name == "":
		return x.wrong("a sheet has no name")
	case state != "" && state != "visible" && state != "hidden" && state != "veryHidden":
		return x.wrong("sheet %s has the unknown state %s", quote(name), quote(state))
	}
	hidden := state == "hidden" || state == "veryHidden"
	w.sheets = append(w.sheets, sheetEntry{name: name, part: r.target, hidden: hidden, chart: r.kind != "worksheet"})
	return nil
}

func (w *workbook) readShared(relations map[string]relation) error {
	for _, r := range relations {
		var err error
		switch r.kind {
		case "sharedStrings":
			err = w.readStrings(r.target)
		case "styles":
			w.styles, err = w.readStyles(r.target)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
