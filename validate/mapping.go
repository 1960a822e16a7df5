package validate

import (
	"fmt"
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// Mapping is a mapping file: how columns become fields. MappingHelp is its reference.
type Mapping struct {
	Name       string // of the file, for messages
	Object     string // goals
	DateFormat string
	ClearToken string
	Columns    []ColumnRule
	Constants  []Constant
	// Objects are the object names that lookups send: relationship → relationship__gc.
	Objects map[string]string
}

// ColumnRule is what a mapping says about one column.
type ColumnRule struct {
	Header     string
	Line       int    // in the mapping file
	Field      string // "" when the column is ignored
	Ignore     bool
	Values     map[string]string // folded text of a cell → value; Unsure where nobody knows yet
	Otherwise  string            // for texts that Values lacks: pass, error, blank
	Default    string            // for texts that Values lacks, instead of Otherwise
	DateFormat string
	Type       string // of a custom field: text, number, bool, date; "" by the kind of the cell
	ClearToken string
	OnBlank    string            // keep, error, default
	OnUpdate   string            // compare, send: for the fields that place a goal
	Undecided  map[string]string // folded text of a cell whose value is Unsure → its place in the mapping file
	Lookup     *LookupRule
	Send       string // name: a status or goal type is sent by its name; "" or id: by its Gsid
}

// LookupRule lets the server, or an id map, turn the names in a column into ids.
type LookupRule struct {
	Object     string // company, relationship …
	Match      string // field of the object that the cell is compared with
	MultiMatch string // error, first; "" as --multi-match says
	OnNoMatch  string // error, null, default
	Key        string // of the record, that carries the name; "": made of the field's
}

// Unsure is the value in a value map of which its author was not sure: a row
// that needs it is refused.
const Unsure = "?"

// maxMapping is the size of a mapping file in bytes above which it is refused.
const maxMapping = 1 << 20

// LoadMapping reads the mapping file src; name is used in messages. Every error
// names the line and shows it.
func LoadMapping(name string, src []byte) (*Mapping, error) {
	p, err := parseYAML(name, src)
	if err != nil {
		return nil, err
	}
	m := &Mapping{Name: name}
	if err := p.mapping(m); err != nil {
		return nil, fmt.Errorf("mapping %s: %w", name, err)
	}
	return m, nil
}

// mappingKeys are the keys of a mapping file, ruleKeys those of a column and
// lookupKeys those of its lookup.
func mappingKeys() []string {
	return []string{"version", "object", "columns", "constants", "date_format", "clear_token", "objects"}
}

func ruleKeys() []string {
	return []string{"field", "values", "otherwise", "default", "date_format", "type", "clear_token", "on_blank", "on_update", "lookup", "send"}
}

func lookupKeys() []string { return []string{"object", "match", "multi_match", "on_no_match", "key"} }

// mapping reads the whole file.
func (p *yamlFile) mapping(m *Mapping) error {
	entries, err := p.entries(p.root, "the mapping file", mappingKeys())
	if err != nil {
		return err
	}
	if err := p.object(m, entries); err != nil {
		return err
	}
	version := false
	for _, e := range entries {
		switch e.key {
		case "version":
			version = true
			_, err = p.oneOf(e.value, "version", "1")
		case "columns":
			err = p.columns(m, e.value)
		case "constants":
			err = p.constants(m, e.value)
		case "date_format":
			m.DateFormat, err = p.dateFormat(e.value)
		case "clear_token":
			m.ClearToken, err = p.clearToken(e.value)
		case "objects":
			err = p.objects(m, e.value)
		}
		if err != nil {
			return err
		}
	}
	if !version {
		return p.fault(p.root, `no version; begin the file with "version: 1"`)
	}
	return p.contradictions(m)
}

// object reads what the rows are, which says what fields there are.
func (p *yamlFile) object(m *Mapping, entries []yamlEntry) (err error) {
	for _, e := range entries {
		if e.key == "object" {
			m.Object, err = p.oneOf(e.value, "object", Objects()...)
		}
	}
	p.schema = schemaOf(m.Object)
	return err
}

// columns reads the rules of the columns.
func (p *yamlFile) columns(m *Mapping, n ast.Node) error {
	entries, err := p.entries(n, "columns", nil)
	if err != nil {
		return err
	}
	headers := map[string]string{}
	for _, e := range entries {
		if other, dup := headers[headerKey(e.key)]; dup {
			return p.fault(e.node, "columns %q and %q are one header, without regard to case, blanks, _ and -", other, e.key)
		}
		headers[headerKey(e.key)] = e.key
		rule, err := p.rule(e)
		if err != nil {
			return err
		}
		m.Columns = append(m.Columns, rule)
	}
	return nil
}

// rule reads what is said about one column: a field, ignore, or a mapping.
func (p *yamlFile) rule(e yamlEntry) (ColumnRule, error) {
	r := ColumnRule{Header: e.key, Line: line(e.node), Otherwise: "pass", OnBlank: "keep", OnUpdate: "compare"}
	if !isMapping(e.value) {
		text, err := p.scalar(e.value, "column "+quote(e.key))
		if err != nil {
			return r, err
		}
		if fold(text) == "ignore" {
			r.Ignore = true
			return r, nil
		}
		r.Field = text
		return r, p.knownField(e.value, text)
	}
	entries, err := p.entries(e.value, "column "+quote(e.key), ruleKeys())
	if err != nil {
		return r, err
	}
	seen := map[string]bool{}
	for _, part := range entries {
		seen[part.key] = true
		if err := p.rulePart(&r, part); err != nil {
			return r, err
		}
	}
	return r, p.checkRule(&r, e, seen)
}

// rulePart reads one key of a column's rule.
func (p *yamlFile) rulePart(r *ColumnRule, e yamlEntry) (err error) {
	switch e.key {
	case "field":
		if r.Field, err = p.scalar(e.value, "field"); err == nil {
			err = p.knownField(e.value, r.Field)
		}
	case "values":
		if r.Values, err = p.values(e.value); err == nil {
			r.Undecided, err = p.undecided(e.value)
		}
	case "otherwise":
		r.Otherwise, err = p.oneOf(e.value, "otherwise", "pass", "error", "blank")
	case "default":
		r.Default, err = p.scalar(e.value, "default")
	case "date_format":
		r.DateFormat, err = p.dateFormat(e.value)
	case "type":
		r.Type, err = p.oneOf(e.value, "type", "text", "number", "bool", "date")
	case "clear_token":
		r.ClearToken, err = p.clearToken(e.value)
	case "on_blank":
		r.OnBlank, err = p.oneOf(e.value, "on_blank", "keep", "error", "default")
	case "on_update":
		r.OnUpdate, err = p.oneOf(e.value, "on_update", "compare", "send")
	case "send":
		r.Send, err = p.oneOf(e.value, "send", "id", "name")
	case "lookup":
		r.Lookup, err = p.lookup(e.value)
	}
	return err
}

// checkRule finds the keys of a rule that contradict each other or would do nothing.
func (p *yamlFile) checkRule(r *ColumnRule, e yamlEntry, seen map[string]bool) error {
	f := resolveField(p.schema, r.Field)
	switch {
	case !seen["field"]:
		return p.fault(e.node, "column %q has no field", e.key)
	case seen["default"] && seen["otherwise"]:
		return p.fault(e.node, "column %q has both default and otherwise; give one", e.key)
	case seen["default"] && !seen["values"] && r.OnBlank != "default":
		return p.fault(e.node, "column %q has a default, but neither values nor on_blank: default to use it", e.key)
	case r.OnBlank == "default" && r.Default == "":
		return p.fault(e.node, "column %q says on_blank: default, but has no default", e.key)
	case seen["otherwise"] && !seen["values"]:
		return p.fault(e.node, "column %q says otherwise, but has no values", e.key)
	case r.Lookup != nil && !f.custom:
		return p.fault(e.node, "column %q: lookup is for custom fields (…__gc), not for %s", e.key, r.Field)
	case r.Lookup != nil && r.Type != "":
		return p.fault(e.node, "column %q has both a type and a lookup; give one", e.key)
	case r.Type != "" && !f.custom:
		return p.fault(e.node, "column %q: type is for custom fields (…__gc), not for %s", e.key, r.Field)
	case r.DateFormat != "" && !f.dated():
		return p.fault(e.node, "column %q: date_format is for dates, not for %s", e.key, r.Field)
	case seen["on_update"] && (f.field == nil || !f.field.fixed):
		return p.fault(e.node, "column %q: on_update is for the fields that place a goal, not for %s", e.key, r.Field)
	case r.Send != "" && (f.field == nil || !slices.Contains([]kind{statusKind, goalTypeKind, typesKind}, f.field.kind)):
		return p.fault(e.node, "column %q: send is for statuses and goal types, not for %s", e.key, r.Field)
	}
	return nil
}

// values reads a value map. Its keys are compared as names are.
func (p *yamlFile) values(n ast.Node) (map[string]string, error) {
	entries, err := p.entries(n, "values", nil)
	if err != nil {
		return nil, err
	}
	values := make(map[string]string, len(entries))
	for _, e := range entries {
		to, err := p.scalar(e.value, "value of "+quote(e.key))
		if err != nil {
			return nil, err
		}
		if _, dup := values[fold(e.key)]; dup {
			return nil, p.fault(e.node, "value %q is there twice, without regard to case and outer blanks", e.key)
		}
		values[fold(e.key)] = to
	}
	return values, nil
}

// lookup reads the lookup of a custom field.
func (p *yamlFile) lookup(n ast.Node) (*LookupRule, error) {
	entries, err := p.entries(n, "lookup", lookupKeys())
	if err != nil {
		return nil, err
	}
	r := &LookupRule{Match: "Name", OnNoMatch: "error"}
	for _, e := range entries {
		switch e.key {
		case "object":
			r.Object, err = p.scalar(e.value, "object")
		case "match":
			r.Match, err = p.scalar(e.value, "match")
		case "multi_match":
			r.MultiMatch, err = p.oneOf(e.value, "multi_match", "error", "first")
		case "on_no_match":
			r.OnNoMatch, err = p.oneOf(e.value, "on_no_match", "error", "null", "default")
		case "key":
			r.Key, err = p.lookupKey(e.value)
		}
		if err != nil {
			return nil, err
		}
	}
	if r.Object == "" || r.Match == "" {
		return nil, p.fault(n, "a lookup needs an object, such as company")
	}
	return r, nil
}

// lookupKey reads the record key that carries the name of a lookup.
func (p *yamlFile) lookupKey(n ast.Node) (string, error) {
	key, err := p.scalar(n, "key")
	if err == nil && (trim(key) == "" || resolveField(p.schema, key).known()) {
		err = p.fault(n, "the key %q of a lookup is blank, or a field itself; take a name that no field has", key)
	}
	return trim(key), err
}

// constants reads the fields that are the same for every row.
func (p *yamlFile) constants(m *Mapping, n ast.Node) error {
	entries, err := p.entries(n, "constants", nil)
	if err != nil {
		return err
	}
	for _, e := range entries {
		value, err := p.scalar(e.value, "constant "+e.key)
		if err != nil {
			return err
		}
		if trim(value) == "" {
			return p.fault(e.value, "constant %s is blank; leave it out", e.key)
		}
		if err := p.knownField(e.node, e.key); err != nil {
			return err
		}
		m.Constants = append(m.Constants, Constant{Field: e.key, Value: value})
	}
	return nil
}

// objects reads the object names of lookups.
func (p *yamlFile) objects(m *Mapping, n ast.Node) error {
	known := []string{"company", "relationship", "opportunity"}
	entries, err := p.entries(n, "objects", known)
	if err != nil {
		return err
	}
	m.Objects = map[string]string{}
	for _, e := range entries {
		name, err := p.scalar(e.value, "object "+e.key)
		if err != nil {
			return err
		}
		if trim(name) == "" {
			return p.fault(e.value, "the object name of %s is blank", e.key)
		}
		m.Objects[e.key] = trim(name)
	}
	return nil
}

// contradictions finds two columns for one field, and columns beside constants.
func (p *yamlFile) contradictions(m *Mapping) error {
	by := map[string]string{}
	for _, c := range m.Constants {
		key := resolveField(p.schema, c.Field).key()
		if by[key] != "" {
			return fmt.Errorf("constants: %s is given twice", c.Field)
		}
		by[key] = "constants"
	}
	for _, r := range m.Columns {
		if r.Ignore {
			continue
		}
		key := resolveField(p.schema, r.Field).key()
		if other := by[key]; other != "" {
			return fmt.Errorf("line %d: column %q and %s are both for %s; leave one out", r.Line, r.Header, other, r.Field)
		}
		by[key] = "column " + quote(r.Header)
	}
	return nil
}

// knownField refuses the name of a field that does not exist or cannot be written.
func (p *yamlFile) knownField(n ast.Node, name string) error {
	f := resolveField(p.schema, name)
	switch {
	case name == Unsure:
		return p.fault(n, "the field is ?, which nobody decided yet; name a field (see gsbatch help fields), or say ignore")
	case !f.known():
		if near := newSpeller(fieldNames(p.schema)).nearest(name); near != "" {
			return p.fault(n, "there is no field %q; did you mean %s?", name, near)
		}
		return p.fault(n, "there is no field %q; see gsbatch help fields", name)
	case f.field != nil && f.field.kind == readOnlyKind:
		return p.fault(n, "the field %s is written by the server; leave it out, or say ignore", name)
	}
	return nil
}
