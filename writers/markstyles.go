package writers

import (
	"bytes"
	"io"
	"strconv"
	"strings"
)

// badColor is the red of bad cells. It is one off the red of Excel's own style
// "Bad", so that a later copy knows the cells that an earlier one marked.
const badColor = "FFFFC7CF"

// maxFormats is how many cell formats a workbook may have.
const maxFormats = 65_000

// bookStyles are the cell formats of a workbook, and those that marks add: for
// each format of a bad cell its twin with a red fill, and for each that an
// earlier copy made red its twin without.
type bookStyles struct {
	formats [][]byte // the xf elements as they are
	fills   []fillInfo
	added   []string // xf elements
	newFill []string // fill elements
	twins   map[styleTwin]int
	forgets bool // the program that saved the workbook does not keep what red covers
}

// fillInfo is what is known of a fill.
type fillInfo struct {
	ours bool   // the red of an earlier copy
	was  string // the fgColor element of what it covers, "" for none
	fore string // the fgColor element of a solid fill
}

type styleTwin struct {
	format int
	bad    bool
}

// readStyles reads the fills and the cell formats of a part, "" for none.
func (b *bookParts) readStyles(part string) (*bookStyles, error) {
	s := &bookStyles{twins: map[styleTwin]int{}}
	if part == "" {
		s.formats = [][]byte{[]byte(`<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>`)}
		return s, nil
	}
	if b.parts["docprops/app.xml"] != nil {
		app, err := b.whole("docProps/app.xml")
		if err != nil {
			return nil, err
		}
		s.forgets = strings.Contains(app, "LibreOffice")
	}
	var inFills, inFormats, inFormat, solid bool
	err := b.read(part, func(x *rawScanner) error {
		switch {
		case x.opens("fills"):
			inFills = x.kind == rawStart
		case x.closes("fills"):
			inFills = false
		case x.opens("cellXfs"):
			inFormats = x.kind == rawStart
		case x.closes("cellXfs"):
			inFormats = false
		case inFills:
			solid = s.fill(x, solid)
		case inFormats && x.opens("xf"):
			s.formats = append(s.formats, bytes.Clone(x.raw))
			inFormat = x.kind == rawStart
		case inFormats && inFormat:
			last := len(s.formats) - 1
			s.formats[last] = append(s.formats[last], x.raw...)
			inFormat = !x.closes("xf")
		}
		return nil
	})
	if err == nil && (len(s.formats) == 0 || len(s.fills) == 0) {
		err = errNotMarkable("its styles have no cell formats or fills")
	}
	return s, err
}

// fill reads a token of the fills; solid says that it is in a solid one.
func (s *bookStyles) fill(x *rawScanner, solid bool) bool {
	if x.opens("fill") {
		s.fills = append(s.fills, fillInfo{})
		return false
	}
	if len(s.fills) == 0 {
		return false
	}
	last := &s.fills[len(s.fills)-1]
	switch {
	case x.opens("patternFill"):
		return x.attr("patternType") == "solid"
	case solid && x.opens("fgColor"):
		last.fore = emptied(x.raw)
		last.ours = strings.EqualFold(x.attr("rgb"), badColor)
	case solid && x.opens("bgColor") && last.ours && !s.forgets && x.attr("auto") == "" && x.attr("indexed") != "64" && !strings.EqualFold(x.attr("rgb"), badColor):
		last.was = strings.Replace(emptied(x.raw), "bgColor", "fgColor", 1)
	}
	return solid
}

// emptied is the tag of an element that has no content, closed in itself.
func emptied(tag []byte) string {
	return strings.TrimRight(strings.TrimSuffix(strings.TrimSuffix(string(tag), ">"), "/"), " ") + "/>"
}

// isBad says that cells of the format were made red by an earlier copy.
func (s *bookStyles) isBad(format int) bool {
	fill := s.fillOf(format)
	return fill < len(s.fills) && s.fills[fill].ours
}

func (s *bookStyles) fillOf(format int) int {
	if format < 0 || format >= len(s.formats) {
		return 0
	}
	tag := s.formats[format]
	if i := bytes.IndexByte(tag, '>'); i >= 0 {
		tag = tag[:i+1]
	}
	from, to := findAttr(tag, "fillId")
	if from < 0 {
		return 0
	}
	n, err := strconv.Atoi(string(tag[from:to]))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// twin is the format that differs from format in being bad or not.
func (s *bookStyles) twin(format int, bad bool) (int, error) {
	if format < 0 || format >= len(s.formats) {
		format = 0
	}
	if s.isBad(format) == bad {
		return format, nil
	}
	key := styleTwin{format, bad}
	if id, made := s.twins[key]; made {
		return id, nil
	}
	id := len(s.formats) + len(s.added)
	if id >= maxFormats {
		return 0, errNotMarkable("it has as many cell formats as a workbook can have")
	}
	fill := s.fillFor(format, bad)
	element := s.formats[format]
	end := bytes.IndexByte(element, '>') + 1
	tag := setAttr(setAttr(element[:end], "fillId", strconv.Itoa(fill)), "applyFill", "1")
	s.added = append(s.added, string(tag)+string(element[end:]))
	s.twins[key] = id
	return id, nil
}

// fillFor is a fill that a twin needs. The colour that red covers is kept where
// a solid fill has one that does not show.
func (s *bookStyles) fillFor(format int, bad bool) int {
	was := fillInfo{}
	if i := s.fillOf(format); i < len(s.fills) {
		was = s.fills[i]
	}
	element := `<fill><patternFill patternType="solid"><fgColor rgb="` + badColor + `"/>` + orElse(strings.Replace(was.fore, "fgColor", "bgColor", 1), `<bgColor indexed="64"/>`) + `</patternFill></fill>`
	if !bad {
		if was.was == "" {
			return 0
		}
		element = `<fill><patternFill patternType="solid">` + was.was + `<bgColor indexed="64"/></patternFill></fill>`
	}
	for i, known := range s.newFill {
		if known == element {
			return max(len(s.fills), 2) + i
		}
	}
	s.newFill = append(s.newFill, element)
	return max(len(s.fills), 2) + len(s.newFill) - 1
}

func orElse(s, preset string) string {
	if s == "" {
		return preset
	}
	return s
}

// write copies the styles with what was added.
func (s *bookStyles) write(w io.Writer, b *bookParts, part string) error {
	if part == "" {
		_, err := io.WriteString(w, `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>`+"\n"+`<styleSheet xmlns="`+sheetML+`">`+
			`<fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>`+
			`<fills count="`+strconv.Itoa(2+len(s.newFill))+`"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>`+strings.Join(s.newFill, "")+`</fills>`+
			`<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>`+
			`<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>`+
			`<cellXfs count="`+strconv.Itoa(len(s.formats)+len(s.added))+`">`+string(s.formats[0])+strings.Join(s.added, "")+`</cellXfs></styleSheet>`)
		return err
	}
	return b.rewrite(w, part, func(x *rawScanner) (bool, error) {
		counts := map[string]int{"fills": len(s.fills) + len(s.newFill), "cellXfs": len(s.formats) + len(s.added)}
		added := map[string][]string{"fills": s.newFill, "cellXfs": s.added}
		n, ours := counts[x.name]
		switch {
		case !ours:
			return false, nil
		case x.kind == rawStart:
			_, err := w.Write(setAttr(x.raw, "count", strconv.Itoa(n)))
			return true, err
		}
		elements := strings.Join(added[x.name], "")
		if x.prefix != "" && x.name == "fills" {
			elements = withPrefix(elements, x.prefix)
		}
		_, err := io.WriteString(w, elements)
		return false, err
	})
}

// withPrefix puts a prefix before the names of elements that have none yet.
func withPrefix(elements, prefix string) string {
	elements = strings.ReplaceAll(strings.ReplaceAll(elements, "<", "<"+prefix), "<"+prefix+"/", "</"+prefix)
	return strings.ReplaceAll(elements, prefix+prefix, prefix)
}
