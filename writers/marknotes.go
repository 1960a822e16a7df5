package writers

import (
	"bytes"
	"io"
	"slices"
	"strconv"
	"strings"
)

const (
	noteAuthor = "gsbatch"
	// notePrefix begins what is said of a cell, by which a later copy knows it:
	// not every program keeps the author.
	notePrefix = "gsbatch: "
	// maxComments is how many cells get a comment; the column of problems has all.
	maxComments = 10_000
)

// bookNotes are the comments of the marked sheet.
type bookNotes struct {
	part, drawing     string // names of the parts
	isNew, isNewDraw  bool   // the workbook has no such part yet
	partID, drawingID string // relationships of the sheet, for new parts
	author            int    // index of ours among the authors
	authors           int
	ours              map[string]bool // cells that an earlier copy alone commented
	list              []note
	at                map[[2]int]int // index in list, by row and column
}

// note is the comment of one cell.
type note struct {
	row, column int
	text        string
	done        bool // appended to a comment of the user's
}

func (n *note) ref() string { return cellName(n.row, n.column) }

// add comments a cell; another comment of the same cell is added to it.
func (n *bookNotes) add(row, column int, text string) {
	text = strings.TrimSpace(text)
	if i, known := n.at[[2]int{row, column}]; known {
		if !strings.Contains(n.list[i].text, text) {
			n.list[i].text += "\n" + text
		}
		return
	}
	if text == "" || len(n.list) >= maxComments {
		return
	}
	n.at[[2]int{row, column}] = len(n.list)
	n.list = append(n.list, note{row: row, column: column, text: text})
}

// findNotes finds the parts of the sheet's comments, or names for them.
func (m *marker) findNotes(relations []partRelation) error {
	n := &m.notes
	n.at, n.ours, n.author = map[[2]int]int{}, map[string]bool{}, -1
	if found := related(relations, "comments"); len(found) > 0 {
		n.part = found[0].target
	}
	for _, r := range relations {
		if m.survey.drawing != "" && r.id == m.survey.drawing {
			n.drawing = r.target
		}
	}
	if m.survey.drawing != "" && m.parts.parts[partKey(n.drawing)] == nil {
		return errNotMarkable("its drawing of comments is missing")
	}
	taken := relations
	if n.isNew = n.part == ""; n.isNew {
		n.part, n.partID = m.parts.freeName("xl/comments", ".xml"), freeID(taken)
		taken = append(slices.Clone(taken), partRelation{id: n.partID})
	}
	if n.isNewDraw = n.drawing == ""; n.isNewDraw {
		n.drawing, n.drawingID = m.parts.freeName("xl/drawings/vmlDrawing", ".vml"), freeID(taken)
	}
	if n.isNew {
		n.author = 0
		return nil
	}
	return m.readNotes()
}

// readNotes learns whose comments there are.
func (m *marker) readNotes() error {
	n := &m.notes
	inAuthor, inText, name, ref, text := false, false, "", "", ""
	return m.parts.read(n.part, func(x *rawScanner) error {
		switch {
		case x.opens("author"):
			inAuthor, name = x.kind == rawStart, ""
			n.authors++
		case inAuthor && x.kind == rawText:
			name += unescape(string(x.raw))
		case x.closes("author"):
			if inAuthor = false; name == noteAuthor {
				n.author = n.authors - 1
			}
		case x.opens("comment"):
			ref, text = x.attr("ref"), ""
		case x.opens("t"):
			inText = x.kind == rawStart
		case x.closes("t"):
			inText = false
		case inText && x.kind == rawText && len(text) < len(notePrefix):
			text += strings.TrimLeft(unescape(string(x.raw)), " \t\r\n")
		case x.closes("comment") && strings.HasPrefix(text, notePrefix):
			n.ours[ref] = true
		}
		return nil
	})
}

// relations are the elements of new parts.
func (n *bookNotes) relations() string {
	text := ""
	if n.isNew {
		text += newRelation(n.partID, "comments", n.part)
	}
	if n.isNewDraw {
		text += newRelation(n.drawingID, "vmlDrawing", n.drawing)
	}
	return text
}

// writeNotes writes the part of the comments.
func (m *marker) writeNotes(w io.Writer) error {
	n := &m.notes
	if n.isNew {
		if err := m.writeAll(w, `<comments xmlns="`+sheetML+`"><authors><author>`+noteAuthor+`</author></authors><commentList>`); err != nil {
			return err
		}
		if err := n.writeNew(w, ""); err != nil {
			return err
		}
		_, err := io.WriteString(w, "</commentList></comments>")
		return err
	}
	c := noteCopier{bookNotes: n, w: w}
	err := m.parts.read(n.part, func(x *rawScanner) error {
		c.token(x)
		return c.err
	})
	return err
}

// writeNew writes the comments of cells that have none.
func (n *bookNotes) writeNew(w io.Writer, p string) error {
	for i := range n.list {
		if n.list[i].done {
			continue
		}
		_, err := io.WriteString(w, "<"+p+`comment ref="`+n.list[i].ref()+`" authorId="`+strconv.Itoa(n.author)+`"><`+p+"text>"+noteRun(notePrefix+n.list[i].text, p)+"</"+p+"text></"+p+"comment>")
		if err != nil {
			return err
		}
	}
	return nil
}

// noteRun is a run of rich text.
func noteRun(text, p string) string {
	run := `<r><rPr><sz val="9"/><color rgb="FF9C0006"/><rFont val="Tahoma"/><family val="2"/></rPr><t xml:space="preserve">` + escape(clipCell(text)) + "</t></r>"
	if p == "" {
		return run
	}
	at := strings.Index(run, "<t ")
	return withPrefix(run[:at], p) + "<" + p + run[at+1:len(run)-len("</t></r>")] + "</" + p + "t></" + p + "r>"
}

// noteCopier copies the comments that there are: without ours, and with what is
// to be said of their cells at the end of the user's.
type noteCopier struct {
	*bookNotes
	w       io.Writer
	note    *note // of the comment that is copied, nil none
	drop    bool  // the comment is one of ours
	run     []byte
	ends    string // the element that is gathered in run, "" none
	reading bool   // in a phonetic run, whose text is none of the comment's
	err     error
}

func (c *noteCopier) text(s string) {
	if c.err == nil {
		_, c.err = io.WriteString(c.w, s)
	}
}

func (c *noteCopier) token(x *rawScanner) {
	switch {
	case x.opens("comment"):
		c.drop = x.kind == rawStart && c.ours[x.attr("ref")]
		c.note = nil
		if row, column, ok := parseCell(x.attr("ref")); ok && !c.drop {
			if i, known := c.at[[2]int{row, column}]; known {
				c.note = &c.list[i]
			}
		}
	case x.closes("comment") && c.drop:
		c.drop = false
		return
	}
	switch {
	case c.drop:
	case c.ends != "":
		c.run = append(c.run, x.raw...)
		if x.closes(c.ends) {
			c.endRun(x.prefix)
		}
	case (x.opens("r") || x.opens("t")) && x.kind == rawStart && !c.reading:
		c.ends, c.run = x.name, append(c.run[:0], x.raw...)
	default:
		c.plain(x)
	}
}

// endRun writes the run just read, without what an earlier copy said in it.
// Text that stands in no run gets one where a run will follow it.
func (c *noteCopier) endRun(p string) {
	open, end := "", ""
	if c.ends == "t" && c.note != nil {
		open, end = "<"+p+"r>", "</"+p+"r>"
	}
	c.ends = ""
	var kept, text bytes.Buffer
	cut := false
	x := newRawScanner(bytes.NewReader(c.run))
	for x.next() == nil {
		if x.kind != rawText {
			kept.Write(x.raw)
			continue
		}
		said := unescape(string(x.raw))
		if i := strings.Index(said, "\n\n"+notePrefix); i >= 0 {
			said, cut = said[:i], true
		}
		text.WriteString(said)
		kept.WriteString(escape(said))
	}
	switch {
	case !cut:
		c.text(open + string(c.run) + end)
	case text.Len() > 0:
		c.text(open + kept.String() + end)
	}
}

// plain copies a token outside of runs.
func (c *noteCopier) plain(x *rawScanner) {
	p := x.prefix
	switch {
	case x.opens("authors") && c.author < 0 && x.kind == rawEmpty:
		c.text("<" + p + "authors>")
		c.newAuthor(p)
		c.text("</" + p + "authors>")
		return
	case x.closes("authors") && c.author < 0:
		c.newAuthor(p)
	case x.opens("commentList") && x.kind == rawEmpty:
		c.text("<" + p + "commentList>")
		c.keep(c.writeNew(c.w, p))
		c.text("</" + p + "commentList>")
		return
	case x.closes("commentList"):
		c.keep(c.writeNew(c.w, p))
	case c.note != nil && x.opens("text") && x.kind == rawEmpty:
		c.text("<" + p + "text>")
		c.append(p)
		c.text("</" + p + "text>")
		return
	case c.note != nil && (x.closes("text") || x.opens("rPh") || x.opens("phoneticPr")):
		c.append(p)
	}
	switch {
	case x.opens("rPh"):
		c.reading = x.kind == rawStart
	case x.closes("rPh"):
		c.reading = false
	}
	c.text(string(x.raw))
}

func (c *noteCopier) keep(err error) {
	if c.err == nil {
		c.err = err
	}
}

func (c *noteCopier) newAuthor(p string) {
	c.author = c.authors
	c.text("<" + p + "author>" + noteAuthor + "</" + p + "author>")
}

// append adds to the user's comment what is to be said of its cell.
func (c *noteCopier) append(p string) {
	c.text(noteRun("\n\n"+notePrefix+c.note.text, p))
	c.note.done = true
	c.note = nil
}
