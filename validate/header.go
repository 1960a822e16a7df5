package validate

import (
	"strings"
)

// part says which half of a field a column gives: its id or its name. Columns
// such as Status, which take either, count as the name.
type part uint8

const (
	byID part = iota
	byName
)

// metricPart is what a metric column gives.
type metricPart uint8

const (
	baseValue metricPart = iota
	targetValue
	actualValue
	timestamp
	removal
	metricParts
)

// String is the part as headers have it.
func (p metricPart) String() string {
	return [metricParts]string{"baseValue", "targetValue", "actualValue", "timestamp", "remove"}[p]
}

// fieldRef is what a header or a field name of a mapping refers to: a field of
// the schema, a custom field or a part of a metric.
type fieldRef struct {
	field  *field // of the schema
	part   part
	custom bool
	name   string // API name of the custom field
	metric string // name or Gsid of the metric
	of     metricPart
}

func (r fieldRef) known() bool { return r.field != nil || r.custom || r.metric != "" }

// dated reports whether the field takes a date.
func (r fieldRef) dated() bool {
	return r.custom || r.metric != "" && r.of == timestamp || r.field != nil && r.field.kind == dateKind
}

// key is equal for references that mean the same cell of a record.
func (r fieldRef) key() string {
	switch {
	case r.custom:
		return r.name
	case r.metric != "":
		return "metric." + fold(r.metric) + "." + r.of.String()
	case r.field != nil:
		return r.field.id + string(rune('0'+r.part))
	}
	return ""
}

// String is the API name of what is referred to.
func (r fieldRef) String() string {
	switch {
	case r.custom:
		return r.name
	case r.metric != "":
		return "metric." + r.metric + "." + r.of.String()
	case r.field == nil:
		return ""
	case r.part == byName && r.field.name != "":
		return r.field.name
	}
	return r.field.id
}

// resolveField finds what a header refers to, without regard to case, blanks, _
// and -. The zero fieldRef is what no field is called.
func resolveField(s *schema, header string) fieldRef {
	header = trim(header)
	if name, ok := customName(header); ok && s.custom {
		return fieldRef{custom: true, name: name}
	}
	if ref, ok := metricRef(header); ok && s.placed {
		return ref
	}
	key := headerKey(header)
	if key == "" {
		return fieldRef{}
	}
	for i := range s.fields {
		if p, ok := s.fields[i].matches(key); ok {
			return fieldRef{field: &s.fields[i], part: p}
		}
	}
	return fieldRef{}
}

// matches reports whether a header's key names the field, and which part of it.
func (f *field) matches(key string) (part, bool) {
	if key == headerKey(f.id) {
		return byID, true
	}
	either := byID
	if f.name != "" {
		if either = byName; key == headerKey(f.name) {
			return byName, true
		}
	}
	for _, h := range f.headers {
		if key == headerKey(h) {
			return either, true
		}
	}
	return byID, false
}

// customName recognizes the API name of a custom field. API names are taken as
// they stand, but for the case of the suffix.
func customName(header string) (string, bool) {
	const suffix = "__gc"
	n := len(header) - len(suffix)
	if n < 1 || !strings.EqualFold(header[n:], suffix) {
		return "", false
	}
	for i := 0; i < n; i++ {
		c := header[i]
		if c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return "", false
		}
	}
	return header[:n] + suffix, true
}

// metricRef recognizes metric.<name or Gsid>.<part>; the name may contain dots.
func metricRef(header string) (fieldRef, bool) {
	const prefix = "metric."
	if len(header) < len(prefix) || !strings.EqualFold(header[:len(prefix)], prefix) {
		return fieldRef{}, false
	}
	i := strings.LastIndexByte(header, '.')
	if i < len(prefix) {
		return fieldRef{}, false
	}
	name, last := trim(header[len(prefix):i]), headerKey(header[i+1:])
	if name == "" {
		return fieldRef{}, false
	}
	for p := baseValue; p < metricParts; p++ {
		if last == headerKey(p.String()) {
			return fieldRef{metric: name, of: p}, true
		}
	}
	return fieldRef{}, false
}

// fieldNames are all names that a header may have, for the nearest of them.
func fieldNames(s *schema) []string {
	var names []string
	for i := range s.fields {
		f := &s.fields[i]
		names = append(names, f.id)
		if f.name != "" {
			names = append(names, f.name)
		}
		for _, h := range f.headers {
			if headerKey(h) != headerKey(f.id) {
				names = append(names, h)
			}
		}
	}
	return names
}

// reportColumn reports whether a header is one of our own reports' columns:
// _run, _line, _reason. Their names are kept for them.
func reportColumn(header string) bool { return strings.HasPrefix(trim(header), "_") }
