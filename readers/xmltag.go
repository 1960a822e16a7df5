package readers

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"
)

// scanStart reads a start tag and its attributes.
func (x *xmlScanner) scanStart(w []byte) (int, xmlToken, error) {
	if x.depth() == 0 && x.rooted {
		return 0, 0, x.wrong("a second root element")
	}
	p := nameLength(w[1:]) + 1
	name := w[1:p]
	x.attrs = x.attrs[:0]
	for {
		blank := p
		for p < len(w) && isXMLBlank(w[p]) {
			p++
		}
		if p == len(w) {
			return 0, 0, x.short("tag")
		}
		if w[p] == '>' || w[p] == '/' {
			break
		}
		if blank == p {
			return 0, 0, x.wrong("no blank before an attribute of <%s>", clip(name))
		}
		n, err := x.scanAttr(w[p:])
		if err != nil {
			return 0, 0, err
		}
		p += n
	}
	if w[p] == '/' {
		if p+1 == len(w) {
			return 0, 0, x.short("tag")
		}
		if w[p+1] != '>' {
			return 0, 0, x.wrong("stray / in <%s>", clip(name))
		}
		p++
		x.closing = true
	}
	if err := x.push(name); err != nil {
		x.closing = false
		return 0, 0, err
	}
	return p + 1, xmlStart, nil
}

func clip(name []byte) []byte { return name[:min(len(name), 60)] }

func isXMLBlank(b byte) bool { return b == ' ' || b == '\n' || b == '\r' || b == '\t' }

// nameLength is the length of the XML name at the start of w, 0 if there is none.
func nameLength(w []byte) int {
	for i, b := range w {
		switch {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', b == '_', b >= utf8.RuneSelf:
		case i > 0 && ('0' <= b && b <= '9' || b == ':' || b == '-' || b == '.'):
		default:
			return i
		}
	}
	return len(w)
}

// scanAttr reads one attribute.
func (x *xmlScanner) scanAttr(w []byte) (int, error) {
	n := nameLength(w)
	if n == len(w) {
		return 0, x.short("tag")
	}
	name, p := w[:n], n
	for p < len(w) && isXMLBlank(w[p]) {
		p++
	}
	if p < len(w) && (n == 0 || w[p] != '=') {
		return 0, x.wrong("attribute %s has no value", quote(string(clip(name))))
	}
	p++
	for p < len(w) && isXMLBlank(w[p]) {
		p++
	}
	if p >= len(w) {
		return 0, x.short("tag")
	}
	mark := w[p]
	if mark != '"' && mark != '\'' {
		return 0, x.wrong("value of attribute %s is not quoted", clip(name))
	}
	p++
	i := bytes.IndexByte(w[p:], mark)
	if i < 0 {
		return 0, x.short("tag")
	}
	value := w[p : p+i]
	if err := x.checkAttr(name, value); err != nil {
		return 0, err
	}
	x.attrs = append(x.attrs, xmlAttr{name, value})
	return p + i + 1, nil
}

func (x *xmlScanner) checkAttr(name, value []byte) error {
	for _, b := range value {
		if b < ' ' || b == '<' || b == '&' || b >= utf8.RuneSelf {
			if bytes.IndexByte(value, '<') >= 0 {
				return x.wrong("< in attribute %s", clip(name))
			}
			if _, err := x.decode(value); err != nil {
				return err
			}
			break
		}
	}
	for _, a := range x.attrs {
		if bytes.Equal(a.name, name) {
			return x.wrong("attribute %s stands twice", clip(name))
		}
	}
	if len(x.attrs) == xmlAttrs {
		return x.wrong("more than %d attributes", xmlAttrs)
	}
	return nil
}

// attr is the decoded value of an attribute, "" if it is not there.
func (x *xmlScanner) attr(name string) string {
	for _, a := range x.attrs {
		if string(a.name) == name {
			value, err := x.decode(a.value)
			if err == nil {
				return string(value)
			}
		}
	}
	return ""
}

// push opens an element and resolves its namespace.
func (x *xmlScanner) push(name []byte) error {
	if len(name) == 0 {
		return x.wrong("stray <")
	}
	if x.depth() == xmlDepth {
		return x.wrong("elements nested more than %d deep", xmlDepth)
	}
	x.rooted = true
	x.marks = append(x.marks, len(x.open))
	x.open = append(x.open, name...)
	for _, a := range x.attrs {
		if a.name[0] == 'x' && bytes.HasPrefix(a.name, []byte("xmlns")) {
			x.bind(a)
		}
	}
	return x.resolve(name)
}

// bind notes a namespace declaration.
func (x *xmlScanner) bind(a xmlAttr) {
	prefix, found := bytes.CutPrefix(a.name, []byte("xmlns:"))
	if !found && len(a.name) > len("xmlns") {
		return
	}
	ns := otherNS
	switch uri := string(a.value); uri {
	case transitional, strictMain:
		ns = mainNS
	case "":
		ns = noNS
	}
	if !found {
		prefix = nil
		x.defaultNS = ns
	}
	x.bindings = append(x.bindings, binding{string(prefix), ns, x.depth()})
}

// resolve sets the local name and the namespace of the element just opened or closed.
func (x *xmlScanner) resolve(name []byte) error {
	colon := bytes.IndexByte(name, ':')
	if colon < 0 {
		x.name, x.ns = name, x.defaultNS
		return nil
	}
	x.name = name[colon+1:]
	for i := len(x.bindings) - 1; i >= 0; i-- {
		if x.bindings[i].prefix == string(name[:colon]) {
			x.ns = x.bindings[i].ns
			return nil
		}
	}
	return x.wrong("prefix of <%s> is not declared", clip(name))
}

func (x *xmlScanner) top() []byte { return x.open[x.marks[len(x.marks)-1]:] }

// pop closes the innermost element.
func (x *xmlScanner) pop() error {
	name := x.top()
	err := x.resolve(name)
	depth := x.depth()
	for n := len(x.bindings); n > 0 && x.bindings[n-1].depth == depth; n-- {
		x.bindings = x.bindings[:n-1]
		x.defaultNS = x.boundDefault()
	}
	x.open = x.open[:x.marks[depth-1]]
	x.marks = x.marks[:depth-1]
	return err
}

func (x *xmlScanner) boundDefault() namespace {
	for i := len(x.bindings) - 1; i >= 0; i-- {
		if x.bindings[i].prefix == "" {
			return x.bindings[i].ns
		}
	}
	return noNS
}

func (x *xmlScanner) scanEnd(w []byte) (int, xmlToken, error) {
	i := bytes.IndexByte(w, '>')
	if i < 0 {
		return 0, 0, x.short("tag")
	}
	name := w[2:i]
	for len(name) > 0 && isXMLBlank(name[len(name)-1]) {
		name = name[:len(name)-1]
	}
	if x.depth() == 0 {
		return 0, 0, x.wrong("</%s> closes nothing", clip(name))
	}
	if !bytes.Equal(name, x.top()) {
		return 0, 0, x.wrong("</%s> closes <%s>", clip(name), x.top())
	}
	return i + 1, xmlEnd, x.pop()
}

// skipElement reads to the end of the element just opened.
func (x *xmlScanner) skipElement() error {
	depth := x.depth()
	for {
		token, err := x.next()
		if err != nil {
			return err
		}
		if token == xmlEnd && x.depth() < depth {
			return nil
		}
	}
}

// drain reads what is left of the part, so that its checksum is tested.
func (x *xmlScanner) drain() error {
	for {
		if _, err := x.next(); err != nil {
			return notEnd(err)
		}
	}
}

// notEnd is err unless that is the end of the part.
func notEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// isMain says that the element just opened or closed is SpreadsheetML's name.
func (x *xmlScanner) isMain(name string) bool { return x.ns == mainNS && string(x.name) == name }
