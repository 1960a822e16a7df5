package writers

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/klauspost/compress/flate"
)

// The kinds and types of the parts that marks touch or add.
const (
	officeRelations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	sheetML         = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
	commentsType    = "application/vnd.openxmlformats-officedocument.spreadsheetml.comments+xml"
	stylesType      = "application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"
	drawingType     = "application/vnd.openxmlformats-officedocument.vmlDrawing"
)

// bookParts are the parts of a workbook that is to be copied.
type bookParts struct {
	zip   *zip.Reader
	parts map[string]*zip.File // by partKey
	book  string               // name of the workbook part
	sheet string               // of the sheet that is marked
	index int                  // of the sheet among the sheets
	macro bool
}

// partKey is the name under which a part is known, which has no case.
func partKey(name string) string {
	return strings.ToLower(strings.TrimPrefix(strings.ReplaceAll(name, `\`, "/"), "/"))
}

// partRelation is a relationship of a part.
type partRelation struct {
	id, kind string // the last element of its type
	target   string // name of the part, "" for what is outside
}

// openParts finds the workbook and the sheet of that name.
func openParts(in io.ReaderAt, size int64, sheet string) (*bookParts, error) {
	z, err := zip.NewReader(in, size)
	if err != nil {
		return nil, err
	}
	z.RegisterDecompressor(zip.Deflate, flate.NewReader)
	b := &bookParts{zip: z, parts: map[string]*zip.File{}}
	for _, f := range z.File {
		b.parts[partKey(f.Name)] = f
	}
	root, err := b.relations("")
	if err != nil {
		return nil, err
	}
	for _, r := range root {
		if r.kind == "officeDocument" {
			b.book = r.target
		}
	}
	relations, err := b.relations(b.book)
	if err != nil {
		return nil, err
	}
	if err := b.findSheet(sheet, relations); err != nil {
		return nil, err
	}
	return b, b.readTypes()
}

// findSheet looks the sheet up in the workbook part.
func (b *bookParts) findSheet(sheet string, relations []partRelation) error {
	n := 0
	err := b.read(b.book, func(x *rawScanner) error {
		switch {
		case x.opens("workbook") && !bytes.Contains(x.raw, []byte(sheetML)):
			return errNotMarkable("it is a Strict Open XML workbook")
		case x.opens("sheet"):
			if id := x.attrLocal("id"); x.attr("name") == sheet {
				for _, r := range relations {
					if r.id == id {
						b.sheet, b.index = r.target, n
					}
				}
			}
			n++
		}
		return nil
	})
	if err == nil && b.sheet == "" {
		err = fmt.Errorf("there is no sheet %q", sheet)
	}
	return err
}

// readTypes learns whether the workbook has macros.
func (b *bookParts) readTypes() error {
	return b.read("[Content_Types].xml", func(x *rawScanner) error {
		if x.opens("Override") && partKey(x.attr("PartName")) == partKey(b.book) {
			b.macro = strings.Contains(x.attr("ContentType"), "macroEnabled")
		}
		return nil
	})
}

// read calls token for every token of a part.
func (b *bookParts) read(part string, token func(x *rawScanner) error) error {
	f := b.parts[partKey(part)]
	if f == nil {
		return fmt.Errorf("the workbook has no part %s", part)
	}
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // read only; an error of its checksum comes from Read
	x := newRawScanner(in)
	for {
		if err := x.next(); err != nil {
			return notEOF(err)
		}
		if err := token(x); err != nil {
			return err
		}
	}
}

// whole is all of a part, which may be no well-formed XML.
func (b *bookParts) whole(part string) (string, error) {
	in, err := b.parts[partKey(part)].Open()
	if err != nil {
		return "", err
	}
	defer in.Close() //nolint:errcheck // read only
	text, err := io.ReadAll(in)
	return string(text), err
}

func notEOF(err error) error {
	if err == io.EOF { //nolint:errorlint // next returns the sentinel itself
		return nil
	}
	return err
}

func relationsName(part string) string {
	dir, base := path.Split(part)
	return dir + "_rels/" + base + ".rels"
}

// relations are those of a part, none where it has none; "" is the package.
func (b *bookParts) relations(part string) ([]partRelation, error) {
	name := relationsName(part)
	if b.parts[partKey(name)] == nil {
		return nil, nil
	}
	var all []partRelation
	err := b.read(name, func(x *rawScanner) error {
		if !x.opens("Relationship") {
			return nil
		}
		r := partRelation{id: x.attr("Id"), kind: path.Base(x.attr("Type"))}
		if x.attr("TargetMode") != "External" {
			target := x.attr("Target")
			if !strings.HasPrefix(target, "/") {
				target = path.Join("/", path.Dir(part), target)
			}
			r.target = strings.TrimPrefix(path.Clean(target), "/")
		}
		all = append(all, r)
		return nil
	})
	return all, err
}

// related are the parts of that kind among relations.
func related(relations []partRelation, kind string) []partRelation {
	var found []partRelation
	for _, r := range relations {
		if r.kind == kind && r.target != "" {
			found = append(found, r)
		}
	}
	return found
}

// freeName is the first of name1, name2 … that no part has.
func (b *bookParts) freeName(before, after string) string {
	for n := 1; ; n++ {
		name := before + strconv.Itoa(n) + after
		if b.parts[partKey(name)] == nil {
			return name
		}
	}
}

// freeID is an id that none of the relations has.
func freeID(relations []partRelation) string {
	for n := 1; ; n++ {
		id := "rIdGsbatch" + strconv.Itoa(n)
		taken := false
		for _, r := range relations {
			taken = taken || r.id == id
		}
		if !taken {
			return id
		}
	}
}

// newRelation is the element of a relationship to a part, by its absolute name.
func newRelation(id, kind, target string) string {
	return `<Relationship Id="` + id + `" Type="` + officeRelations + "/" + kind + `" Target="/` + escape(target) + `"/>`
}

// rewrite copies a part to w and lets edit, which gets each token, write
// something else in its place; edit says whether it did.
func (b *bookParts) rewrite(w io.Writer, part string, edit func(x *rawScanner) (done bool, err error)) error {
	return b.read(part, func(x *rawScanner) error {
		done, err := edit(x)
		if err == nil && !done {
			_, err = w.Write(x.raw)
		}
		return err
	})
}
