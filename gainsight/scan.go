package gainsight

import (
	"encoding/json"
	"unicode/utf8"
)

// scanner reads one JSON text strictly (RFC 8259) and in one pass, without
// building what is not asked for. Strings come back with their quotes. Every
// method reports whether the text was well-formed so far; after a false the
// scanner is of no more use.
type scanner struct {
	data  []byte
	pos   int
	depth int
}

const maxDepth = 1000

// space skips white space and returns the next byte, 0 at the end.
func (s *scanner) space() byte {
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// end reports whether nothing but white space is left.
func (s *scanner) end() bool {
	s.space()
	return s.pos == len(s.data)
}

// object calls member for each key, with the scanner before its value, which
// member must consume.
func (s *scanner) object(member func(key []byte) bool) bool {
	if !s.open('{') {
		return false
	}
	if s.space() == '}' {
		return s.close()
	}
	for {
		if s.space() != '"' {
			return false
		}
		key, ok := s.str()
		if !ok || s.space() != ':' {
			return false
		}
		s.pos++
		if !member(unquoted(key)) {
			return false
		}
		switch s.space() {
		case ',':
			s.pos++
		case '}':
			return s.close()
		default:
			return false
		}
	}
}

// array calls element before each element, which element must consume.
func (s *scanner) array(element func() bool) bool {
	if !s.open('[') {
		return false
	}
	if s.space() == ']' {
		return s.close()
	}
	for {
		if !element() {
			return false
		}
		switch s.space() {
		case ',':
			s.pos++
		case ']':
			return s.close()
		default:
			return false
		}
	}
}

func (s *scanner) open(bracket byte) bool {
	if s.space() != bracket || s.depth == maxDepth {
		return false
	}
	s.depth++
	s.pos++
	return true
}

func (s *scanner) close() bool {
	s.depth--
	s.pos++
	return true
}

// value consumes any value and returns its bytes.
func (s *scanner) value() ([]byte, bool) {
	c := s.space()
	start := s.pos
	ok := false
	switch c {
	case '{':
		ok = s.object(func([]byte) bool { return s.skip() })
	case '[':
		ok = s.array(s.skip)
	case '"':
		_, ok = s.str()
	case 't':
		ok = s.literal("true")
	case 'f':
		ok = s.literal("false")
	case 'n':
		ok = s.literal("null")
	default:
		ok = s.number()
	}
	return s.data[start:s.pos], ok
}

func (s *scanner) skip() bool {
	_, ok := s.value()
	return ok
}

func (s *scanner) literal(word string) bool {
	if len(s.data)-s.pos < len(word) || string(s.data[s.pos:s.pos+len(word)]) != word {
		return false
	}
	s.pos += len(word)
	return true
}

// str consumes a string and returns it with its quotes.
func (s *scanner) str() ([]byte, bool) {
	start := s.pos
	for i := s.pos + 1; i < len(s.data); i++ {
		switch c := s.data[i]; {
		case c == '"':
			s.pos = i + 1
			return s.data[start:s.pos], true
		case c < ' ':
			return nil, false
		case c == '\\':
			n := escapeLen(s.data[i:])
			if n == 0 {
				return nil, false
			}
			i += n - 1
		}
	}
	return nil, false
}

// escapeLen is the length of the escape that text begins with, 0 if it is none.
func escapeLen(text []byte) int {
	if len(text) < 2 {
		return 0
	}
	switch text[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(text) < 6 {
			return 0
		}
		for _, c := range text[2:6] {
			if !(c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f') {
				return 0
			}
		}
		return 6
	}
	return 0
}

// number consumes a number of the JSON grammar.
func (s *scanner) number() bool {
	n := numberLen(s.data[s.pos:])
	s.pos += n
	return n > 0
}

// numberLen is the length of the number that text begins with, 0 if it is none.
func numberLen[T []byte | string](text T) int {
	i := 0
	digits := func() bool {
		start := i
		for i < len(text) && text[i] >= '0' && text[i] <= '9' {
			i++
		}
		return i > start
	}
	if i < len(text) && text[i] == '-' {
		i++
	}
	if i < len(text) && text[i] == '0' {
		i++
	} else if !digits() {
		return 0
	}
	if i < len(text) && text[i] == '.' {
		i++
		if !digits() {
			return 0
		}
	}
	if i < len(text) && text[i]|0x20 == 'e' {
		i++
		if i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		if !digits() {
			return 0
		}
	}
	return i
}

// unquoted returns what a string with quotes stands for; without escapes it is
// a part of it. Bytes that are not UTF-8 become U+FFFD.
func unquoted(quoted []byte) []byte {
	inner := quoted[1 : len(quoted)-1]
	plain := true
	for _, c := range inner {
		if c == '\\' || c >= utf8.RuneSelf {
			plain = false
			break
		}
	}
	if plain {
		return inner
	}
	var text string
	if json.Unmarshal(quoted, &text) != nil {
		return inner
	}
	return []byte(text)
}

// text returns what a value says when it is a string or a number, else "".
func text(value []byte) string {
	switch {
	case len(value) == 0:
		return ""
	case value[0] == '"':
		return string(unquoted(value))
	case value[0] == '-' || value[0] >= '0' && value[0] <= '9':
		return string(value)
	default:
		return ""
	}
}
