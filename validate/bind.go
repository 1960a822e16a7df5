package validate

import (
	"cmp"
	"slices"
	"strconv"

	"gsbatch/readers"
)

// Column says what becomes of one column of the table, or of a constant.
type Column struct {
	Index  int    // in the header, -1 for a constant
	Header string // "" for a constant
	Field  string // API name, "" where there is none
	Use    Use
}

// Use is what becomes of a column.
type Use string

// The uses of a column.
const (
	Sent     Use = "sent"      // written to its field
	Compared Use = "compared"  // written by a create, compared by an update
	Noticed  Use = "noticed"   // ModifiedDate: notices stale rows
	ReadOnly Use = "read-only" // of an export, known and left alone
	Ignored  Use = "ignored"   // by the mapping or a constant
	Unknown  Use = "unknown"   // no field
	Report   Use = "report"    // a column of our reports, dropped
)

// source is where the text of a field comes from: a column or a constant.
type source struct {
	index    int // in the row, -1 for a constant
	header   string
	constant string
	api      string // API name of the field it was bound to
	rule     *ColumnRule
	clear    string // clear token, "" none
	blank    bool   // a blank cell is a problem
	dates    *dateColumn
	comma    evidence // of a decimal comma, once a number was in question
}

// binding is a field of the record with the sources of its id and its name.
type binding struct {
	field   *field
	sources [2]*source
	lookup  int    // index in Checker.lookups of its name, -1 none
	typ     string // of a custom field
	object  string // that an id map is asked for
	send    bool   // sent by an update though the field is fixed
	asName  bool   // a status or goal type is sent by its name

	quick  bool // plain cells are for work.quickly
	column int  // of its only source
}

// metricBinding is a metric with the sources of its parts.
type metricBinding struct {
	gsid, name, unit string
	parts            [metricParts]*source
}

// binder binds the header of a table to the fields of a schema.
type binder struct {
	schema   *schema
	table    *readers.Table
	cfg      *Config
	metrics  *names
	columns  []Column
	problems []Problem
	taken    map[string]*source // by fieldRef.key
	refs     []boundRef
}

// boundRef is a reference to a field with its source.
type boundRef struct {
	ref fieldRef
	src *source
}

// bind decides about every column and constant.
func (b *binder) bind() error {
	rules, err := b.rules()
	if err != nil {
		return err
	}
	constants, err := b.constants()
	if err != nil {
		return err
	}
	for i, header := range b.table.Header() {
		if err := b.column(i, header, rules[i], constants); err != nil {
			return err
		}
	}
	for _, c := range constants {
		b.columns = append(b.columns, Column{Index: -1, Field: c.ref.String(), Use: use(c.ref)})
		b.refs = append(b.refs, c)
	}
	return b.resolveMetrics()
}

// rules matches the rules of the mapping to the header, by index.
func (b *binder) rules() ([]*ColumnRule, error) {
	header := b.table.Header()
	rules := make([]*ColumnRule, len(header))
	if b.cfg.Mapping == nil {
		return rules, nil
	}
	m := b.cfg.Mapping
	for i := range m.Columns {
		r := &m.Columns[i]
		found := -1
		for j, h := range header {
			if headerKey(h) != headerKey(r.Header) {
				continue
			}
			if found >= 0 {
				return nil, &ColumnError{b.table.HeaderPlace(j), "the mapping's column " + quote(r.Header) + " fits two columns, " + quote(header[found]) + " and " + quote(h) + "; rename one"}
			}
			found = j
		}
		if found < 0 {
			return nil, b.noSuchHeader(m, r)
		}
		rules[found] = r
	}
	return rules, nil
}

func (b *binder) noSuchHeader(m *Mapping, r *ColumnRule) error {
	text := "mapping " + m.Name + ": line " + strconv.Itoa(r.Line) + ": " + b.table.Name() + " has no column " + quote(r.Header)
	if near := newSpeller(b.table.Header()).nearest(r.Header); near != "" {
		text += "; did you mean " + quote(near) + "?"
	} else {
		text += "; it has " + sample(b.table.Header(), 12)
	}
	return &ColumnError{Text: text}
}

// constants are those of the command line and, where it does not say otherwise,
// those of the mapping.
func (b *binder) constants() (map[string]boundRef, error) {
	list := map[string]boundRef{}
	for _, c := range b.cfg.Set {
		ref := resolveField(b.schema, c.Field)
		if err := b.checkConstant(ref, c); err != nil {
			return nil, err
		}
		if _, dup := list[ref.key()]; dup {
			return nil, &ColumnError{Text: "--set " + c.Field + " is given twice"}
		}
		list[ref.key()] = boundRef{ref, &source{index: -1, constant: c.Value, api: ref.String()}}
	}
	if b.cfg.Mapping == nil {
		return list, nil
	}
	for _, c := range b.cfg.Mapping.Constants {
		ref := resolveField(b.schema, c.Field)
		if _, set := list[ref.key()]; !set {
			list[ref.key()] = boundRef{ref, &source{index: -1, constant: c.Value, api: ref.String()}}
		}
	}
	return list, nil
}

func (b *binder) checkConstant(ref fieldRef, c Constant) error {
	switch {
	case !ref.known():
		text := "--set " + c.Field + ": there is no such field"
		if near := newSpeller(fieldNames(b.schema)).nearest(c.Field); near != "" {
			text += "; did you mean " + near + "?"
		}
		return &ColumnError{Text: text}
	case ref.field != nil && (ref.field.kind == readOnlyKind || ref.field.kind == gsidKind || ref.field.kind == modifiedKind):
		return &ColumnError{Text: "--set " + c.Field + ": this field cannot be the same for every row, or is written by the server"}
	case trim(c.Value) == "":
		return &ColumnError{Text: "--set " + c.Field + " has no value; leave it out, or use --clear-token to clear a field"}
	}
	return nil
}

// column decides about one column of the table.
func (b *binder) column(i int, header string, rule *ColumnRule, constants map[string]boundRef) error {
	col := Column{Index: i, Header: header}
	ref := fieldRef{}
	switch {
	case rule != nil && rule.Ignore:
		col.Use = Ignored
	case rule != nil:
		ref = resolveField(b.schema, rule.Field)
	case reportColumn(header):
		col.Use = Report
	default:
		if ref = resolveField(b.schema, header); !ref.known() {
			col.Use = Unknown
			b.unknown(i, header)
		}
	}
	if ref.known() {
		col.Field, col.Use = ref.String(), use(ref)
		if c, set := constants[ref.key()]; set {
			col.Use = Ignored
			b.headerProblem(i, ref.String(), Problem{Code: "constant-wins", Value: header, Warning: true,
				Message: "column " + quote(header) + " is not used: " + c.ref.String() + " is set to " + quote(c.src.constant) + " for every row",
				Mend:    "leave out the constant, or the column"})
		}
	}
	b.columns = append(b.columns, col)
	if col.Use == Sent || col.Use == Compared || col.Use == Noticed {
		return b.take(i, header, ref, rule)
	}
	return nil
}

func use(ref fieldRef) Use {
	switch {
	case ref.field == nil:
		return Sent
	case ref.field.kind == readOnlyKind:
		return ReadOnly
	case ref.field.kind == modifiedKind:
		return Noticed
	case ref.field.fixed:
		return Compared
	}
	return Sent
}

// take gives a field its column; a field takes one.
func (b *binder) take(i int, header string, ref fieldRef, rule *ColumnRule) error {
	if other := b.taken[ref.key()]; other != nil {
		return &ColumnError{b.table.HeaderPlace(i), "columns " + quote(other.header) + " and " + quote(header) + " are both for " + ref.String() + "; rename one, or ignore one in a mapping"}
	}
	src := &source{index: i, header: header, api: ref.String(), rule: rule, clear: b.cfg.ClearToken}
	if m := b.cfg.Mapping; src.clear == "" && m != nil {
		src.clear = m.ClearToken
	}
	src.blank = b.cfg.BlankError && !mayBlank(ref)
	if rule != nil {
		src.clear = cmp.Or(rule.ClearToken, src.clear)
		src.blank = src.blank && rule.OnBlank != "default" || rule.OnBlank == "error"
	}
	b.taken[ref.key()] = src
	b.refs = append(b.refs, boundRef{ref, src})
	return nil
}

// mayBlank reports whether a blank cell of the field says something of its
// own, so that --blank error leaves it alone: a Gsid, a parent of another
// entity, the half of a pair, what is to be removed.
func mayBlank(ref fieldRef) bool {
	switch {
	case ref.metric != "":
		return ref.of == removal
	case ref.field == nil:
		return false
	}
	return ref.field.name != "" && ref.part == byID || slices.Contains([]kind{gsidKind, parentKind, referenceKind, dissociateKind, modifiedKind}, ref.field.kind)
}

// unknown tells of a column that is no field, as --on-unknown-column wants. One
// that is nearly called Gsid is a problem whatever was wanted: without it its
// rows would create what they should update.
func (b *binder) unknown(i int, header string) {
	near := newSpeller(fieldNames(b.schema)).nearest(header)
	gsid := near != "" && resolveField(b.schema, near).key() == resolveField(b.schema, "Gsid").key()
	if (b.cfg.OnUnknownColumn == "ignore" || b.cfg.Mode == DeleteOnly) && !gsid {
		return
	}
	p := Problem{Code: "unknown-column", Value: header, Warning: b.cfg.OnUnknownColumn == "warn" && !gsid,
		Message: "column " + quote(header) + " is no field", Closest: near}
	if near != "" {
		p.Message += "; did you mean " + near + "?"
	}
	p.Mend = "rename it, or map it (columns: {" + yamlQuote(header) + ": " + cmp.Or(near, "ignore") + "})"
	if !gsid {
		p.Mend += ", or give --on-unknown-column ignore"
	}
	b.headerProblem(i, "", p)
}

// headerProblem adds a problem with the header of column i.
func (b *binder) headerProblem(i int, field string, p Problem) {
	p.Place, p.Column, p.Field, p.Value = b.table.HeaderPlace(i), i, field, shorten(p.Value)
	p.Header = b.table.Header()[i]
	b.problems = append(b.problems, p)
}

// resolveMetrics turns the names of metrics into Gsids. A metric that the
// tenant does not have is a problem at its header.
func (b *binder) resolveMetrics() error {
	kept := b.refs[:0]
	seen := map[string]*source{}
	for _, r := range b.refs {
		if r.ref.metric == "" {
			kept = append(kept, r)
			continue
		}
		gsid, fault := b.metricGsid(r.ref.metric)
		if fault != nil {
			b.metricProblem(r, fault)
			continue
		}
		r.ref.metric = gsid
		if other := seen[r.ref.key()]; other != nil {
			return &ColumnError{Text: b.table.Name() + ": columns " + quote(other.header) + " and " + quote(r.src.header) + " are both for " + r.ref.of.String() + " of the metric " + gsid}
		}
		seen[r.ref.key()] = r.src
		kept = append(kept, r)
	}
	b.refs = kept
	return nil
}

func (b *binder) metricGsid(name string) (string, *nameFault) {
	if b.metrics == nil {
		if isGsid(name) {
			return name, nil
		}
		return "", &nameFault{code: "unknown-", message: "metric " + quote(name) + " cannot be resolved: the tenant's metrics are not known", mend: "give the metric's Gsid in the header"}
	}
	i, fault := b.metrics.find(name, nil)
	if fault != nil {
		return "", fault
	}
	return b.metrics.items[i].gsid, nil
}

func (b *binder) metricProblem(r boundRef, f *nameFault) {
	p := Problem{Code: f.code + "metric", Value: r.ref.metric, Message: f.message, Mend: f.mend, Closest: f.closest}
	if r.src.index >= 0 {
		b.headerProblem(r.src.index, r.ref.String(), p)
		return
	}
	p.Column, p.Field = -1, r.ref.String()
	b.problems = append(b.problems, p)
}
