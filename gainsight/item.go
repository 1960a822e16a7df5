package gainsight

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"unicode/utf8"
)

// Item is one element of a "requests" array: a record with what is to be
// associated with it and dissociated from it. Fields keep their order; equal
// items give equal bytes from AppendJSON.
type Item struct {
	Record     []Field
	Associate  Links
	Dissociate Links
	Beside     []Field // members beside the record: the goal types of a metric
}

// Field is one key of a record.
type Field struct {
	Name  string
	Value Value
}

// Value is a JSON value of a record's field. The zero Value is null. Values are
// comparable: equal values have equal JSON.
type Value struct {
	kind valueKind
	text string
}

type valueKind uint8

const (
	nullValue   valueKind = iota
	stringValue           // text is what the string says
	jsonValue             // text is JSON
)

// Null is the value that clears a field.
func Null() Value { return Value{} }

// String is a string of text; bytes that are not UTF-8 are sent as U+FFFD.
func String(text string) Value { return Value{stringValue, text} }

// Number is a number with its digits as given: 10.0 stays 10.0. A literal that
// is no JSON number (IsNumber) is sent as a string, for the server to refuse.
func Number(literal string) Value {
	if !IsNumber(literal) {
		return String(literal)
	}
	return Value{jsonValue, literal}
}

// IsNumber reports whether literal is a number of JSON: no plus sign, no
// leading zeros, no blanks, a digit on each side of the point.
func IsNumber(literal string) bool {
	return literal != "" && numberLen(literal) == len(literal)
}

// Bool is true or false.
func Bool(b bool) Value {
	if b {
		return Value{jsonValue, "true"}
	}
	return Value{jsonValue, "false"}
}

// Raw is a value given as JSON; white space outside strings is taken out. Text
// that is not JSON is sent as a string.
func Raw(text string) Value {
	var b bytes.Buffer
	if json.Compact(&b, []byte(text)) != nil {
		return String(text)
	}
	return Value{jsonValue, b.String()}
}

// Strings is an array of strings: AssociatedWork, or the metricsDissociation of a goal.
func Strings(texts []string) Value {
	return Value{jsonValue, string(appendStrings(nil, texts))}
}

// IsNull reports whether the value is null.
func (v Value) IsNull() bool { return v.kind == nullValue || v.kind == jsonValue && v.text == "null" }

// AppendJSON appends the value to dst.
func (v Value) AppendJSON(dst []byte) []byte {
	switch v.kind {
	case stringValue:
		return appendString(dst, v.text)
	case jsonValue:
		return append(dst, v.text...)
	default:
		return append(dst, "null"...)
	}
}

// Links are the Gsids of calls to action and success plans. An empty list is
// left out of the body: the API refuses it (8001, 8002).
type Links struct {
	CTA []string
	SP  []string
}

// AppendJSON appends {"record":…,"association":…,"dissociation":…} to dst,
// without the last two where there are none. Fields come in their order.
func (it *Item) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"record":{`...)
	for i := range it.Record {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, it.Record[i].Name)
		dst = append(dst, ':')
		dst = it.Record[i].Value.AppendJSON(dst)
	}
	dst = append(dst, '}')
	dst = it.Associate.append(dst, `,"association":{`)
	dst = it.Dissociate.append(dst, `,"dissociation":{`)
	for i := range it.Beside {
		dst = appendString(append(dst, ','), it.Beside[i].Name)
		dst = it.Beside[i].Value.AppendJSON(append(dst, ':'))
	}
	return append(dst, '}')
}

func (l *Links) append(dst []byte, key string) []byte {
	if len(l.CTA) == 0 && len(l.SP) == 0 {
		return dst
	}
	dst = append(dst, key...)
	if len(l.CTA) > 0 {
		dst = appendStrings(append(dst, `"CTA":`...), l.CTA)
	}
	if len(l.SP) > 0 {
		if len(l.CTA) > 0 {
			dst = append(dst, ',')
		}
		dst = appendStrings(append(dst, `"SP":`...), l.SP)
	}
	return append(dst, '}')
}

// MetricAssociation is one element of metricsAssociation. Numbers are JSON
// literals; "" leaves the key out.
type MetricAssociation struct {
	MetricID string
	Base     string
	Target   string
	Actual   []MetricValue
}

// MetricValue is one measurement of a metric.
type MetricValue struct {
	Value     string // JSON number; "" leaves it out
	Timestamp string // YYYY-MM-DD; "" leaves it out
}

// Metrics is the value of the field metricsAssociation, in the order given.
func Metrics(list []MetricAssociation) Value {
	dst := []byte{'['}
	for i := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = list[i].appendJSON(dst)
	}
	return Value{jsonValue, string(append(dst, ']'))}
}

func (m *MetricAssociation) appendJSON(dst []byte) []byte {
	dst = append(dst, `{"metricId":`...)
	dst = appendString(dst, m.MetricID)
	dst = appendMember(dst, "baseValue", m.Base, Number)
	if len(m.Actual) > 0 {
		dst = append(dst, `,"actualValue":[`...)
		for i, a := range m.Actual {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, '{')
			dst = appendMember(dst, "value", a.Value, Number)
			dst = appendMember(dst, "timestamp", a.Timestamp, String)
			dst = append(dst, '}')
		}
		dst = append(dst, ']')
	}
	dst = appendMember(dst, "targetValue", m.Target, Number)
	return append(dst, '}')
}

// appendMember appends "key":value, with a comma unless it is the first, where text is not "".
func appendMember(dst []byte, key, text string, value func(string) Value) []byte {
	if text == "" {
		return dst
	}
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	dst = appendString(dst, key)
	dst = append(dst, ':')
	return value(text).AppendJSON(dst)
}

func appendStrings(dst []byte, texts []string) []byte {
	dst = append(dst, '[')
	for i, text := range texts {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, text)
	}
	return append(dst, ']')
}

// plainPrefix is how many bytes at the beginning of a text are ASCII that stands
// for itself in a JSON string; it looks at eight at a time, and so may tell a few
// less, but never all when there are others. Most texts are plain to their end,
// which makes an item in two thirds of the time.
func plainPrefix(text []byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(text); i += 8 {
		x := binary.LittleEndian.Uint64(text[i:])
		quote, backslash := x^('"'*ones), x^('\\'*ones)
		// A byte borrows into its high bit if it is less than what is taken off;
		// one that is 0x80 or more has it already.
		if (x|(x-' '*ones)|(quote-ones)|(backslash-ones))&highs != 0 {
			return i
		}
	}
	for ; i < len(text); i++ {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			break
		}
	}
	return i
}

// appendString appends text as a JSON string. Only what JSON demands is
// escaped: rich text stays readable in the journal.
func appendString(dst []byte, text string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	from := len(dst)
	dst = append(dst, text...)
	start := plainPrefix(dst[from:])
	if start == len(text) {
		return append(dst, '"')
	}
	dst = dst[:from+start]
	for i := start; i < len(text); {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(text[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(append(dst, text[start:i]...), "\ufffd"...)
				start = i + 1
			}
			i += size
			continue
		}
		dst = append(dst, text[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	dst = append(dst, text[start:]...)
	return append(dst, '"')
}
