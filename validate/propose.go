package validate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gsbatch/gainsight"
	"gsbatch/readers"
)

// Confidence says how far a proposal can be relied on.
type Confidence string

// The confidences: what the names say, what is near or what the cells suggest,
// and what a person has to decide.
const (
	Certain Confidence = "certain"
	Likely  Confidence = "likely"
	Doubted Confidence = "unsure"
)

// twinWhy is why a column has no place in a mapping.
const twinWhy = "an earlier column has this header, but for case, blanks, _ and -; rename one in the file"

// LeftAlone is the field of a column that is left alone.
const LeftAlone = "ignore"

// Proposal is what the columns of a table seem to be.
type Proposal struct {
	Rows      int
	Columns   []*ColumnProposal // in the order of the header
	Constants []Constant        // for fields that no column gives
	schema    *schema
	lists     []fieldList
}

// fieldList are the names that a field takes, nil where they are not known.
type fieldList struct {
	field string
	names *names
}

// ColumnProposal is what one column seems to be.
type ColumnProposal struct {
	Header     string
	Field      string // API name, LeftAlone or Unsure
	Confidence Confidence
	Why        string          // of the confidence
	Samples    []string        // the first different texts, at most three
	Values     []ValueProposal // of a column of statuses, goal types or entity types, most frequent first
	MoreRows   int             // rows of such a column whose text is not among Values
	seen       tally
	Twin       bool // an earlier column has this header: it has no place in a mapping
}

// ValueProposal is what one text of a column seems to mean.
type ValueProposal struct {
	Text       string // as it first stood in the file, without outer blanks
	Rows       int
	Value      string // a name of the tenant, or Unsure
	Confidence Confidence
}

// Propose reads the whole table, of records of the object, and proposes a field
// for each column. told is called with the rows read. Memory does not grow with the rows. The errors are
// those of reading the table.
func Propose(ctx context.Context, object string, t *readers.Table, picklists *gainsight.Picklists, told func(int64)) (*Proposal, error) {
	p := &Proposal{schema: schemaOf(object)}
	p.lists = []fieldList{{"StatusName", statusNames(picklists)}, {"GoalTypeName", goalTypeNames(picklists)}, {"EntityType", wordNames("entity type", entities())}}
	switch object {
	case "templates":
		p.lists = p.lists[:2]
	case "metrics":
		p.lists = []fieldList{{"unitOfMeasure", wordNames("unit", units())}}
	}
	for _, header := range t.Header() {
		p.Columns = append(p.Columns, &ColumnProposal{Header: header})
	}
	for row, err := range t.Rows() {
		if err = cmp.Or(err, context.Cause(ctx)); err != nil {
			return nil, err
		}
		p.Rows++
		told(int64(p.Rows))
		for i, cell := range row.Cells {
			p.Columns[i].seen.add(cell)
		}
	}
	p.byHeader()
	p.byCells()
	p.complete()
	return p, nil
}

// wordNames are words of the API as names.
func wordNames(noun string, words []string) *names {
	var items []named
	for _, word := range words {
		items = append(items, named{word, word, true})
	}
	return newNames(noun, items)
}

// byHeader proposes what headers say: all exact names before any near one.
func (p *Proposal) byHeader() {
	spell := newSpeller(fieldNames(p.schema))
	keys := map[string]bool{}
	for _, c := range p.Columns {
		c.Samples = c.seen.samples()
		key := headerKey(c.Header)
		c.Twin, keys[key] = keys[key], true
		c.set(Unsure, Doubted, "no field has a name like this")
		ref := resolveField(p.schema, c.Header)
		switch {
		case c.Twin:
			c.set(Unsure, Doubted, twinWhy)
		case reportColumn(c.Header):
			c.set(LeftAlone, Certain, "a column of a report")
		case ref.field != nil && ref.field.kind == readOnlyKind:
			c.set(LeftAlone, Certain, "written by the server")
		case ref.known():
			p.claim(c, ref.String(), Certain, "the header names it")
		}
	}
	for _, c := range p.unsure() {
		if field := meant(p.schema.object, c.Header); field != "" {
			p.claim(c, resolveField(p.schema, field).String(), Likely, "a usual word for it")
		}
	}
	for _, c := range p.unsure() {
		if near := spell.nearest(c.Header); near != "" {
			ref := resolveField(p.schema, near)
			if ref.field.kind != readOnlyKind {
				p.claim(c, ref.String(), Likely, "the header is near "+quote(near))
			}
		}
	}
}

// byCells proposes what the cells of the other columns suggest, where only one
// column suggests it.
func (p *Proposal) byCells() {
	by := map[string][]*ColumnProposal{}
	for _, c := range p.unsure() {
		if field := p.suggested(c); field != "" {
			by[field] = append(by[field], c)
		}
	}
	for field, columns := range by {
		if len(columns) == 1 && !p.taken(field) {
			p.claim(columns[0], field, Likely, "its cells look like it")
		}
	}
}

// suggested is the field that all texts of a column suggest, "" for none or several.
func (p *Proposal) suggested(c *ColumnProposal) string {
	if len(c.seen.texts) == 0 {
		return ""
	}
	field := ""
	for _, l := range p.lists {
		n := l.names
		if c.seen.more == 0 && n != nil && c.seen.all(func(text string) bool { _, sure := n.propose(text); return sure != Doubted }) {
			if field != "" {
				return ""
			}
			field = l.field
		}
	}
	if field == "" && c.seen.dates && p.schema.placed {
		field = "DueDate"
	}
	return field
}

// propose is the name that a text means, Unsure if none is near.
func (n *names) propose(text string) (string, Confidence) {
	if n == nil {
		return Unsure, Doubted
	}
	if i, fault := n.find(text, nil); fault == nil && n.items[i].active {
		return n.items[i].name, Certain
	} else if fault == nil { // only a goal that has it already may keep it
		return n.items[i].name, Likely
	}
	near := n.nearest(text)
	switch {
	case near == "":
		return Unsure, Doubted
	case n.byName[fold(near)] == ambiguous:
		return Unsure, Doubted
	case headerKey(near) == headerKey(text):
		return near, Certain
	}
	return near, Likely
}

// claim gives a column a field, unless another column has it.
func (p *Proposal) claim(c *ColumnProposal, field string, how Confidence, why string) {
	for _, other := range p.Columns {
		if other != c && resolveField(p.schema, other.Field).key() == resolveField(p.schema, field).key() && other.decided() {
			c.set(Unsure, Doubted, "column "+quote(other.Header)+" is "+field+" already")
			return
		}
	}
	c.set(field, how, why)
	c.Values, c.MoreRows = nil, 0
	if n := p.list(field); n != nil {
		c.Values, c.MoreRows = c.seen.values(n), c.seen.more
		p.byNames(c)
	}
}

// byNames makes a column of ids that holds names one of names: as ids they
// would be refused.
func (p *Proposal) byNames(c *ColumnProposal) {
	ref := resolveField(p.schema, c.Field)
	if ref.part == byName || ref.field.name == "" || c.seen.all(isGsid) {
		return
	}
	c.Values, c.MoreRows = nil, 0
	c.Field = Unsure // not to stand in its own way
	p.claim(c, ref.field.name, Likely, "the header is "+ref.String()+", but the cells are names")
}

// list is the names that a field takes, nil where it takes others.
func (p *Proposal) list(field string) *names {
	ref := resolveField(p.schema, field)
	for _, l := range p.lists {
		if ref.field != nil && (l.field == ref.field.id || l.field == ref.field.name) {
			return l.names
		}
	}
	return nil
}

func (c *ColumnProposal) set(field string, how Confidence, why string) {
	c.Field, c.Confidence, c.Why = field, how, why
}

func (c *ColumnProposal) decided() bool {
	return c.Field != Unsure && c.Field != LeftAlone && c.Field != ""
}

// unsure are the columns that more can be found out about.
func (p *Proposal) unsure() []*ColumnProposal {
	return slices.DeleteFunc(slices.Clone(p.Columns), func(c *ColumnProposal) bool { return c.Field != Unsure || c.Twin })
}

// taken reports whether a column gives the field, by name or by id.
func (p *Proposal) taken(field string) bool {
	want := resolveField(p.schema, field).field
	return slices.ContainsFunc(p.Columns, func(c *ColumnProposal) bool {
		f := resolveField(p.schema, c.Field).field
		return c.decided() && f != nil && f.id == want.id
	})
}

// complete proposes the entity type that a file of creates leaves unsaid, where
// only one kind of parent has a column.
func (p *Proposal) complete() {
	p.Constants = nil
	if !p.schema.placed {
		return
	}
	if p.taken("EntityType") || p.taken("Gsid") {
		return
	}
	var entity []string
	for _, e := range entities()[:3] {
		if p.taken(e) {
			entity = append(entity, e)
		}
	}
	if len(entity) == 1 {
		p.Constants = []Constant{{Field: "EntityType", Value: entity[0]}}
	}
}

// Decide gives a column the field that a person names, or LeftAlone. The error
// says why it cannot be.
func (p *Proposal) Decide(c *ColumnProposal, answer string) error {
	if c.Twin {
		return errors.New(twinWhy)
	}
	if fold(answer) == LeftAlone {
		c.set(LeftAlone, Certain, "you said so")
		c.Values, c.MoreRows = nil, 0
		return nil
	}
	ref := resolveField(p.schema, answer)
	switch {
	case !ref.known():
		if near := newSpeller(fieldNames(p.schema)).nearest(answer); near != "" {
			return fmt.Errorf("there is no field %s; did you mean %s?", quote(answer), near)
		}
		return fmt.Errorf("there is no field %s; gsbatch help fields lists them", quote(answer))
	case ref.field != nil && ref.field.kind == readOnlyKind:
		return fmt.Errorf("%s is written by the server; say ignore", ref)
	}
	if p.claim(c, ref.String(), Certain, "you said so"); c.Field == Unsure {
		return errors.New(c.Why)
	}
	p.complete()
	return nil
}

// DecideValue gives a text of a column the name that a person says it means.
func (p *Proposal) DecideValue(c *ColumnProposal, v *ValueProposal, answer string) error {
	n := p.list(c.Field)
	i, fault := n.find(trim(answer), nil)
	if fault != nil {
		return errors.New(fault.message)
	}
	v.Value, v.Confidence = n.items[i].name, Certain
	return nil
}

// Offers are names that a text of the column may mean, for a question.
func (p *Proposal) Offers(c *ColumnProposal) string { return sample(p.list(c.Field).spell.names, 12) }

// Unsure counts the columns and texts that nobody decided yet.
func (p *Proposal) Unsure() (n int) {
	for _, c := range p.Columns {
		if c.Field == Unsure {
			n++
		}
		for _, v := range c.Values {
			if v.Value == Unsure {
				n++
			}
		}
	}
	return n
}

// YAML is the mapping file that says what is proposed. A column whose header is
// that of an earlier one but for blanks, _ and - has no place in it.
func (p *Proposal) YAML() []byte {
	var b strings.Builder
	b.WriteString("# Proposed by gsbatch map. Decide each \"?\" before importing with --map.\nversion: 1\nobject: " + p.schema.object + "\ncolumns:\n")
	for _, c := range p.Columns {
		if !c.Twin && !reportColumn(c.Header) {
			c.yaml(&b)
		}
	}
	if len(p.Constants) > 0 {
		b.WriteString("constants:\n")
	}
	for _, c := range p.Constants {
		b.WriteString("  " + c.Field + ": " + yamlQuote(c.Value) + "\n")
	}
	return []byte(b.String())
}

func (c *ColumnProposal) yaml(b *strings.Builder) {
	note := ""
	if c.Confidence != Certain {
		note = " # " + string(c.Confidence) + ": " + printable(c.Why)
	}
	values := slices.DeleteFunc(slices.Clone(c.Values), func(v ValueProposal) bool { return v.Text == v.Value || isGsid(v.Text) })
	if len(values) == 0 {
		b.WriteString("  " + yamlQuote(c.Header) + ": " + yamlQuote(c.Field) + note + "\n")
		return
	}
	b.WriteString("  " + yamlQuote(c.Header) + ":" + note + "\n    field: " + yamlQuote(c.Field) + "\n    values:\n")
	for _, v := range values {
		fmt.Fprintf(b, "      %s: %s # %d rows, %s\n", yamlQuote(v.Text), yamlQuote(v.Value), v.Rows, v.Confidence)
	}
}
