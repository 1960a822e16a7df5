package pipeline

import (
	"fmt"
	"slices"
	"strings"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
	"gsbatch/validate"
)

// Key are the fields by which the goal of a row without a Gsid is found. The
// zero Key is the natural one: EntityType, parent and Name.
type Key struct {
	Fields []string // API names; those of parents as CompanyId
}

// ParseKey reads the fields of --key; Company and CompanyName stand for CompanyId.
func ParseKey(fields []string) (Key, error) {
	var k Key
	for _, text := range fields {
		field, ok := keyField(strings.TrimSpace(text))
		if !ok {
			return k, fmt.Errorf("key %q: cannot identify a goal; give a custom field (…__gc), or Name with EntityType, Company, Relationship or Opportunity", text)
		}
		if !slices.Contains(k.Fields, field) {
			k.Fields = append(k.Fields, field)
		}
	}
	if len(k.Fields) > 0 && k.lead() == "" {
		return k, fmt.Errorf("key %s: names no single goal; add Name or a custom field", strings.Join(k.Fields, ","))
	}
	return k, nil
}

func keyField(text string) (string, bool) {
	if strings.HasSuffix(text, "__gc") {
		return text, true
	}
	for _, field := range append(parentFields(), "Name", "EntityType") {
		plain := strings.TrimSuffix(field, "Id")
		if strings.EqualFold(text, field) || strings.EqualFold(text, plain) || plain != field && strings.EqualFold(text, plain+"Name") {
			return field, true
		}
	}
	return "", false
}

// lead is the field by which goals are looked for; the others are compared.
func (k Key) lead() string {
	if len(k.Fields) == 0 || slices.Contains(k.Fields, "Name") {
		return "Name"
	}
	for _, field := range k.Fields {
		if strings.HasSuffix(field, "__gc") {
			return field
		}
	}
	return ""
}

// sameKey compares the key of a create with a goal whose lead field is equal.
// sure says that all of it is known and equal; a parent that is known by name
// alone, and was never resolved before, may be any.
func (d *differ) sameKey(c *checkpoint.Change, record members, g *gainsight.Goal) (may, sure bool) {
	if len(d.cfg.Key.Fields) == 0 {
		return d.sameNaturalKey(c, record, g)
	}
	sure = true
	for _, field := range d.cfg.Key.Fields {
		if slices.Contains(parentFields(), field) {
			one, known := d.sameParent(c, record, g, field)
			if !one {
				return false, false
			}
			sure = sure && known
			continue
		}
		want, has := record.lead(field), g.Text(field)
		if want == "" || validate.Fold(want) != validate.Fold(has) && !sameValue(field, gainsight.String(want).AppendJSON(nil), g.Fields[field]) {
			return false, false
		}
	}
	return true, sure
}

// sameNaturalKey compares entity type and parent. The parent that counts is
// that of the entity type; of a GLOBAL goal the first that is given.
func (d *differ) sameNaturalKey(c *checkpoint.Change, record members, g *gainsight.Goal) (may, sure bool) {
	if !d.tenant.of.isGoals() {
		return true, true // the name is all of it
	}
	entity := record.text("EntityType")
	if has := g.Text("EntityType"); has != "" && entity != "" && !strings.EqualFold(has, entity) {
		return false, false
	}
	fields := parentFields()
	switch entity {
	case "COMPANY":
		fields = fields[:1]
	case "RELATIONSHIP":
		fields = fields[1:2]
	case "OPPORTUNITY":
		fields = fields[2:]
	}
	for _, field := range fields {
		if record.text(field) != "" || record.text(nameKey(field)) != "" {
			return d.sameParent(c, record, g, field)
		}
	}
	for _, field := range fields {
		if g.Text(field) != "" {
			return false, false // the row has no parent, the goal has
		}
	}
	return true, true
}

// nameKey is the key that carries the name of a parent: CompanyName.
func nameKey(field string) string { return strings.TrimSuffix(field, "Id") + "Name" }

// sameParent compares a parent by its id.
func (d *differ) sameParent(c *checkpoint.Change, record members, g *gainsight.Goal, field string) (may, sure bool) {
	id, has := record.text(field), g.Text(field)
	if id == "" && record.text(nameKey(field)) == "" {
		return has == "", has == ""
	}
	if id == "" {
		id = d.learned.id(c.Names, field)
	}
	if id == "" && d.learned.other(c.Names, field, has) {
		return false, false
	}
	if id == "" || has == "" {
		return true, false
	}
	return id == has, id == has
}
