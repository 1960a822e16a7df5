package readers

import "bytes"

// Cells and shared strings nearly always have the same few forms. These are
// read here in one go, at a third of the cost of their tags and texts one by
// one. What differs from such a form in any byte, or goes on beyond the window,
// is left to the scanner as if nobody had looked: so a damaged workbook meets
// the same checks, and gives the same errors.

// usualItem reads a shared string of the form <si><t>text</t></si>, of which it
// returns the text, with its escapes.
func (x *xmlScanner) usualItem() ([]byte, bool) {
	if x.closing || x.defaultNS != mainNS {
		return nil, false
	}
	w := x.buf[x.start:x.end]
	p := textBegin(w, "<si>")
	if p == 0 {
		return nil, false
	}
	n := bytes.IndexByte(w[p:], '<')
	if n < 0 || !bytes.HasPrefix(w[p+n:], []byte("</t></si>")) {
		return nil, false
	}
	text, err := x.decode(w[p : p+n])
	if err != nil {
		return nil, false
	}
	x.start += p + n + len("</t></si>")
	return text, true
}

// textBegin is the length of opening and a start tag of a text at the start of w, 0 if
// something else stands there.
func textBegin(w []byte, opening string) int {
	if len(w) < len(opening) || string(w[:len(opening)]) != opening {
		return 0
	}
	for _, tag := range []string{"<t>", `<t xml:space="preserve">`} {
		if bytes.HasPrefix(w[len(opening):], []byte(tag)) {
			return len(opening) + len(tag)
		}
	}
	return 0
}

// usualCell reads a cell of the form <c r="A1" s="1" t="s"><v>text</v></c>, the
// same with <is><t>text</t></is> for a value, or <c r="A1" s="1"/>. It reports
// false where the cell is another.
func (s *sheetScanner) usualCell() (bool, error) {
	x := s.x
	if x.closing || x.defaultNS != mainNS {
		return false, nil
	}
	w := x.buf[x.start:x.end]
	p, inline := x.usualAttrs(w)
	if p == 0 {
		return false, nil
	}
	if w[p] == '/' {
		if p+1 == len(w) || w[p+1] != '>' {
			return false, nil
		}
		return true, s.keepUsual(p+2, inline, nil, false)
	}
	p++
	closing := "</v></c>"
	if inline {
		closing = "</t></is></c>"
		if n := textBegin(w[p:], "<is>"); n > 0 {
			p += n
		} else {
			return false, nil
		}
	} else {
		if len(w)-p < 3 || string(w[p:p+3]) != "<v>" {
			return false, nil
		}
		p += 3
	}
	n := bytes.IndexByte(w[p:], '<')
	if n < 0 || len(w)-p-n < len(closing) || string(w[p+n:p+n+len(closing)]) != closing {
		return false, nil
	}
	text, err := x.decode(w[p : p+n])
	if err != nil {
		return false, nil
	}
	return true, s.keepUsual(p+n+len(closing), inline, text, true)
}

// usualAttrs reads the start of a cell into x.attrs: the attributes r, s and t,
// each at most once, up to > or /. It returns the offset of that, 0 where the
// tag is another, and whether the cell is of the type inlineStr.
func (x *xmlScanner) usualAttrs(w []byte) (p int, inline bool) {
	if len(w) < 3 || w[0] != '<' || w[1] != 'c' {
		return 0, false
	}
	x.attrs = x.attrs[:0]
	seen := byte(0)
	for p = 2; p+4 < len(w); {
		if w[p] == '>' || w[p] == '/' {
			return p, inline
		}
		name := w[p+1]
		if w[p] != ' ' || name < 'r' || name > 't' || seen&(1<<(name-'r')) != 0 || w[p+2] != '=' || w[p+3] != '"' {
			return 0, false
		}
		seen |= 1 << (name - 'r')
		from := p + 4
		for p = from; p < len(w) && usualValue(w[p]); p++ {
		}
		if p == len(w) || w[p] != '"' {
			return 0, false
		}
		x.attrs = append(x.attrs, xmlAttr{w[from-3 : from-2], w[from:p]})
		inline = inline || name == 't' && string(w[from:p]) == "inlineStr"
		p++
	}
	return 0, false
}

// usualValue says that b is a letter or digit.
func usualValue(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9'
}

// keepUsual keeps a cell of n bytes whose attributes were read.
func (s *sheetScanner) keepUsual(n int, inline bool, text []byte, valued bool) error {
	s.x.start += n
	c, err := s.cellAttrs()
	if err != nil {
		return err
	}
	c.from, c.valued = len(s.text), valued
	s.text = append(s.text, text...)
	if inline {
		s.text = unescape(s.text, c.from)
	}
	c.to = len(s.text)
	return s.keep(c)
}
