package validate

import (
	"context"
	"slices"
)

// required returns a *MissingColumnError when the table lacks a column without
// which no row can be done: Gsid to update, and to create a name, a status or a
// template, an entity type and a parent. A table with a Gsid column may consist
// of updates alone, so there what is missing is a matter of the row.
func (c *Checker) required(ctx context.Context) error {
	var missing []string
	switch {
	case c.cfg.Mode == UpdateOnly, c.cfg.Mode == DeleteOnly:
		if c.gsid == nil {
			missing = append(missing, "Gsid")
		}
	case c.cfg.Mode == Upsert: // a row may be an update all the same
	case c.cfg.Mode == CreateOnly || c.gsid == nil:
		missing = c.missingToCreate()
	}
	if len(missing) == 0 && c.needsParent() {
		parents, err := c.missingParent(ctx)
		if err != nil {
			return err
		}
		missing = parents
	}
	if len(missing) == 0 {
		return nil
	}
	return c.missingColumns(missing)
}

func (c *Checker) missingToCreate() []string {
	var missing []string
	if !c.schema.placed {
		for i := range c.schema.fields {
			f := &c.schema.fields[i]
			if f.required && !slices.ContainsFunc(c.bindings, func(b binding) bool { return b.field == f }) {
				missing = append(missing, f.id)
			}
		}
		return missing
	}
	if c.at.name < 0 {
		missing = append(missing, "Name")
	}
	if c.at.status < 0 && c.at.template < 0 {
		missing = append(missing, "StatusId")
	}
	if c.at.entity < 0 {
		missing = append(missing, "EntityType")
	}
	return missing
}

// needsParent reports whether rows are created and no column names a parent.
func (c *Checker) needsParent() bool {
	creates := c.schema.placed && (c.cfg.Mode == CreateOnly || c.cfg.Mode == Auto && c.gsid == nil)
	return creates && c.at.company < 0 && c.at.relationship < 0 && c.at.opportunity < 0
}

// missingParent looks for the first row that needs a parent: a table of GLOBAL
// goals needs none.
func (c *Checker) missingParent(ctx context.Context) ([]string, error) {
	if c.at.entity < 0 {
		return []string{"CompanyId"}, nil
	}
	src := c.bindings[c.at.entity].sources[byID]
	for row, err := range c.table.Rows() {
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		text, ok := src.plain(row)
		if !ok {
			continue
		}
		switch entityOf(text) {
		case "COMPANY":
			return []string{"CompanyId"}, nil
		case "RELATIONSHIP":
			return []string{"RelationshipId"}, nil
		case "OPPORTUNITY":
			return []string{"OpportunityId"}, nil
		}
	}
	return nil, nil
}

// missingColumns names the headers that would do, and the unknown header that
// may have been meant.
func (c *Checker) missingColumns(ids []string) error {
	e := &MissingColumnError{Name: c.table.Name(), OneColumn: len(c.table.Header()) == 1}
	var unknown []string
	for _, col := range c.columns {
		if col.Use == Unknown {
			unknown = append(unknown, col.Header)
		}
	}
	spell := newSpeller(unknown)
	if c.gsid == nil && ids[0] != "Gsid" && spell.nearest("Gsid") != "" {
		ids = append([]string{"Gsid"}, ids...)
	}
	for _, id := range ids {
		i := slices.IndexFunc(c.schema.fields, func(f field) bool { return f.id == id || f.kind == gsidKind && id == "Gsid" })
		f := &c.schema.fields[i]
		m := MissingColumn{Field: f.id, Headers: []string{f.label()}}
		if f.name != "" {
			m.Field = f.name
			m.Headers = append(m.Headers, f.name)
		}
		if f.id != f.label() {
			m.Headers = append(m.Headers, f.id)
		}
		for _, h := range append(m.Headers, f.headers...) {
			if m.Near == "" {
				m.Near = spell.nearest(h)
			}
		}
		e.Columns = append(e.Columns, m)
	}
	return e
}
