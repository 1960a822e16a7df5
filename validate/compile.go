package validate

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"

	"gsbatch/gainsight"
	"gsbatch/readers"
)

// Checker turns the rows of one table into operations. It remembers the rows it
// has seen, at most 24 bytes each, to find two rows for one record. It is not
// safe for concurrent use.
type Checker struct {
	schema   *schema
	table    *readers.Table
	cfg      Config
	columns  []Column
	problems []Problem // of the header
	bindings []binding
	metrics  []metricBinding
	at       places
	gsid     *source // nil: no column
	modified *source
	dates    []*dateColumn
	scan     *dateScan
	dated    []datesRead // of each of dates

	statuses    *names
	types       *names
	metricNames *names
	lookups     []gainsight.Lookup
	lookupJSON  map[uint64][]byte // by the set of lookups that a row uses
	seed        maphash.Seed
	seen        lineTable
	server      map[string]*serverNames // by object
	interned    map[string]string
	html        htmlPolicy
	work        work
}

// maxLookups is what a set of lookups, a uint64, has room for.
const maxLookups = 64

// places are the indexes in Checker.bindings of the fields that rules across
// fields look at, -1 where the table has no such column.
type places struct {
	name, status, goalType, entity, relationshipType, template int
	company, relationship, opportunity                         int
}

// Compile binds the columns of t to fields. It returns a *MissingColumnError
// when no row could be done for want of a column, and a *ColumnError when the
// columns cannot be bound as asked. Unknown columns and metrics are problems of
// the header, see HeaderProblems.
func Compile(ctx context.Context, t *readers.Table, cfg Config) (*Checker, error) {
	if err := checkConfig(&cfg); err != nil {
		return nil, err
	}
	s := schemaOf(cfg.Object)
	if cfg.Mode == DeleteOnly {
		s = s.deletion()
	}
	c := &Checker{schema: s, table: t, cfg: cfg, scan: new(dateScan), seed: maphash.MakeSeed(),
		lookupJSON: map[uint64][]byte{}, server: map[string]*serverNames{}, interned: map[string]string{}}
	c.statuses, c.types, c.metricNames = statusNames(cfg.Picklists), goalTypeNames(cfg.Picklists), metricNames(cfg.Picklists)
	b := &binder{schema: c.schema, table: t, cfg: &c.cfg, metrics: c.metricNames, taken: map[string]*source{}}
	if err := b.bind(); err != nil {
		return nil, err
	}
	c.columns, c.problems = b.columns, b.problems
	for _, r := range b.refs {
		if err := c.attach(r); err != nil {
			return nil, err
		}
	}
	if len(c.lookups) > maxLookups {
		return nil, &ColumnError{Text: fmt.Sprintf("%s: %d columns are resolved by lookups, at most %d can be; give ids in some of them", t.Name(), len(c.lookups), maxLookups)}
	}
	c.arrange()
	c.hasten()
	if err := c.required(ctx); err != nil {
		return nil, err
	}
	c.work.Checker = c
	return c, nil
}

// Columns tells for every column of the table, and then for every constant,
// what becomes of it.
func (c *Checker) Columns() []Column { return c.columns }

// Object is what the rows are records of: goals, templates, metrics.
func (c *Checker) Object() string { return c.schema.object }

// HeaderProblems are the problems of the header: unknown columns and metrics.
func (c *Checker) HeaderProblems() []Problem { return c.problems }

// checkConfig refuses settings that make no sense for any table.
func checkConfig(cfg *Config) error {
	switch cfg.Mode {
	case "":
		cfg.Mode = Auto
	case Auto, CreateOnly, UpdateOnly, Upsert, DeleteOnly:
	default:
		return fmt.Errorf("mode %q: want auto, create, update or upsert", string(cfg.Mode))
	}
	switch cfg.OnUnknownColumn {
	case "", "error", "warn", "ignore":
	default:
		return fmt.Errorf("on-unknown-column %q: want error, warn or ignore", cfg.OnUnknownColumn)
	}
	if cfg.Mapping != nil && cmp.Or(cfg.Mapping.Object, "goals") != cmp.Or(cfg.Object, "goals") {
		return fmt.Errorf("mapping %s is for %s, and --object is %s", cfg.Mapping.Name, cmp.Or(cfg.Mapping.Object, "goals"), cmp.Or(cfg.Object, "goals"))
	}
	if cfg.ClearToken != "" {
		if why := clearTokenFault(cfg.ClearToken); why != "" {
			return fmt.Errorf("clear-token %q %s", cfg.ClearToken, why)
		}
	}
	if cfg.DateFormat != "" {
		_, err := parseDateFormat(cfg.DateFormat)
		return err
	}
	return nil
}

// attach adds a bound reference to the field it belongs to.
func (c *Checker) attach(r boundRef) error {
	if r.ref.dated() {
		if err := c.attachDates(r.src); err != nil {
			return err
		}
	}
	switch {
	case r.ref.metric != "":
		c.attachMetric(r)
		return nil
	case r.ref.custom && c.cfg.Reserved != "" && strings.EqualFold(r.ref.name, c.cfg.Reserved):
		return &ColumnError{Text: fmt.Sprintf("%s: %s carries the rows' markers (--marker-field): leave it out of the file, or name another field", c.table.Name(), r.ref.name)}
	case r.ref.custom:
		f := &field{id: r.ref.name, headers: []string{r.ref.name}, kind: customKind}
		b := binding{field: f, lookup: -1}
		b.sources[byID] = r.src
		if rule := r.src.rule; rule != nil {
			b.typ = rule.Type
			c.attachLookup(&b, rule.Lookup)
		}
		c.bindings = append(c.bindings, b)
		return nil
	case r.ref.field.kind == gsidKind:
		c.gsid = r.src
		return nil
	case r.ref.field.kind == modifiedKind:
		c.modified = r.src
		return nil
	case r.ref.field.kind == readOnlyKind:
		return nil
	}
	c.attachField(r)
	return nil
}

func (c *Checker) attachDates(s *source) error {
	rule := ""
	if s.rule != nil {
		rule = s.rule.DateFormat
	}
	mapped := ""
	if c.cfg.Mapping != nil {
		mapped = c.cfg.Mapping.DateFormat
	}
	s.dates = &dateColumn{index: len(c.dates)}
	if text := cmp.Or(rule, c.cfg.DateFormat, mapped); text != "" {
		f, err := parseDateFormat(text)
		if err != nil {
			return err
		}
		s.dates.format = f
	}
	c.dates = append(c.dates, s.dates)
	c.dated = append(c.dated, datesRead{cache: map[string]string{}})
	s.dates.source = s
	return nil
}

func (c *Checker) attachMetric(r boundRef) {
	i := slices.IndexFunc(c.metrics, func(m metricBinding) bool { return m.gsid == r.ref.metric })
	if i < 0 {
		m := metricBinding{gsid: r.ref.metric, name: r.ref.metric}
		if c.cfg.Picklists != nil {
			for _, p := range c.cfg.Picklists.Metrics {
				if p.Gsid == m.gsid {
					m.name, m.unit = trim(p.Name), p.UnitOfMeasure
				}
			}
		}
		i = len(c.metrics)
		c.metrics = append(c.metrics, m)
	}
	c.metrics[i].parts[r.ref.of] = r.src
}

// attachField adds a source to the binding of its field.
func (c *Checker) attachField(r boundRef) {
	i := slices.IndexFunc(c.bindings, func(b binding) bool { return b.field == r.ref.field })
	if i < 0 {
		i = len(c.bindings)
		c.bindings = append(c.bindings, binding{field: r.ref.field, lookup: -1})
	}
	b := &c.bindings[i]
	b.sources[r.ref.part] = r.src
	if rule := r.src.rule; rule != nil {
		b.send = b.send || rule.OnUpdate == "send"
		b.asName = b.asName || rule.Send == "name"
	}
	if r.ref.field.kind == parentKind && r.ref.part == byName {
		c.attachParentLookup(b)
	}
}

// attachParentLookup is the lookup of the specification's first sample:
// CompanyId from CompanyName.
func (c *Checker) attachParentLookup(b *binding) {
	f := b.field
	object := f.object
	if m := c.cfg.Mapping; m != nil && m.Objects[object] != "" {
		object = m.Objects[object]
	}
	b.object = f.object
	b.lookup = len(c.lookups)
	c.lookups = append(c.lookups, gainsight.Lookup{Field: f.id, Key: f.name, ObjectField: "Name", LookupField: "Gsid", ObjectName: object, MultiMatch: c.multiMatch(""), OnNoMatch: "ERROR"})
}

// attachLookup is the lookup of a custom field. The key that carries the name is
// made of the field's own: partner__gc gets partner_name.
func (c *Checker) attachLookup(b *binding, r *LookupRule) {
	if r == nil {
		return
	}
	object := r.Object
	if m := c.cfg.Mapping; m.Objects[objectKey(object)] != "" {
		object = m.Objects[objectKey(object)]
	}
	if fold(r.Match) == "name" {
		b.object = objectKey(r.Object)
	}
	onNoMatch := map[string]string{"error": "ERROR", "null": "NULLABLE", "default": "DEFAULTVALUE"}[r.OnNoMatch]
	b.lookup = len(c.lookups)
	c.lookups = append(c.lookups, gainsight.Lookup{Field: b.field.id, Key: cmp.Or(r.Key, lookupKey(b.field.id)), ObjectField: r.Match, LookupField: "Gsid", ObjectName: object, MultiMatch: c.multiMatch(r.MultiMatch), OnNoMatch: onNoMatch})
}

func lookupKey(id string) string { return strings.TrimSuffix(id, "__gc") + "_name" }

// multiMatch is what the server does with two matches: the rule's word, or else
// --multi-match.
func (c *Checker) multiMatch(rule string) string {
	if rule == "first" || rule == "" && c.cfg.FirstMatch {
		return "FIRSTMATCH"
	}
	return "MARKASERROR"
}

// arrange puts the bindings into the order in which they are sent: the schema's
// fields, then custom fields by name, then metrics by Gsid.
func (c *Checker) arrange() {
	rank := func(b binding) int {
		for i := range c.schema.fields {
			if b.field == &c.schema.fields[i] {
				return i
			}
		}
		return len(c.schema.fields)
	}
	slices.SortFunc(c.bindings, func(a, b binding) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.field.id, b.field.id))
	})
	slices.SortFunc(c.metrics, func(a, b metricBinding) int { return cmp.Compare(a.gsid, b.gsid) })
	find := func(id string) int {
		return slices.IndexFunc(c.bindings, func(b binding) bool { return b.field.id == id })
	}
	c.at = places{find(c.schema.name), find("StatusId"), find("GoalTypeId"), find("EntityType"), find("RelationshipTypeId"), find("TemplateId"),
		find("CompanyId"), find("RelationshipId"), find("OpportunityId")}
}
