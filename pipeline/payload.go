package pipeline

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"gsbatch/gainsight"
)

// payload is the item of an operation, taken apart.
type payload struct {
	Record       members `json:"record"`
	Association  links   `json:"association"`
	Dissociation links   `json:"dissociation"`
	types                // beside the record of a metric
}

// types are the goal types of a metric, beside its record.
type types struct {
	Add      []string `json:"associateGoalTypes"`
	AddNames []string `json:"associateGoalTypeNames"`
	Off      []string `json:"dissociateGoalTypes"`
	OffNames []string `json:"dissociateGoalTypeNames"`
}

func (t *types) typeless() bool { return len(t.Add)+len(t.AddNames)+len(t.Off)+len(t.OffNames) == 0 }

// beside are the members of an item.
func (t *types) beside() (list []gainsight.Field) {
	for _, m := range []struct {
		name string
		list []string
	}{
		{"associateGoalTypes", t.Add}, {"associateGoalTypeNames", t.AddNames},
		{"dissociateGoalTypes", t.Off}, {"dissociateGoalTypeNames", t.OffNames},
	} {
		if len(m.list) > 0 {
			list = append(list, gainsight.Field{Name: m.name, Value: gainsight.Strings(m.list)})
		}
	}
	return list
}

// typesOf are the goal types that a metric was read to have; known is false
// where the tenant does not tell.
func typesOf(g *gainsight.Goal) (ids []string, known bool) {
	raw := g.Fields["associateGoalTypes"]
	return ids, raw != nil && json.Unmarshal(raw, &ids) == nil
}

type links struct {
	CTA []string `json:"CTA"`
	SP  []string `json:"SP"`
}

func (l links) none() bool { return len(l.CTA)+len(l.SP) == 0 }

// members are the members of a JSON object in their order.
type members []member

type member struct {
	name string
	raw  json.RawMessage
}

// UnmarshalJSON implements json.Unmarshaler.
func (m *members) UnmarshalJSON(doc []byte) error {
	dec := json.NewDecoder(bytes.NewReader(doc))
	if _, err := dec.Token(); err != nil {
		return err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return err
		}
		text, _ := name.(string)
		*m = append(*m, member{text, raw})
	}
	return nil
}

// text is what the member of that name says, as textOf.
func (m members) text(name string) string {
	for i := range m {
		if m[i].name == name {
			return textOf(m[i].raw)
		}
	}
	return ""
}

// name is the name of the record: Name, or name of a metric.
func (m members) name() string { return cmp.Or(m.text("Name"), m.text("name")) }

// lead is the value of the field by which a record is looked for.
func (m members) lead(field string) string {
	if field == "Name" {
		return m.name()
	}
	return m.text(field)
}

// isGsidField says whether a member is the record's own id.
func isGsidField(name string) bool { return name == "Gsid" || name == "gsid" }

func parsePayload(line int, item string) (payload, error) {
	var p payload
	if strings.HasPrefix(item, `"`) { // a delete, which has a Gsid alone
		return p, nil
	}
	if err := json.Unmarshal([]byte(item), &p); err != nil {
		return p, fmt.Errorf("row %d: stored operation: %w", line, err)
	}
	return p, nil
}

// item is the canonical form of the payload, which validate gives it too.
func (p *payload) item() string {
	it := gainsight.Item{Associate: gainsight.Links(p.Association), Dissociate: gainsight.Links(p.Dissociation), Beside: p.beside()}
	for _, m := range p.Record {
		it.Record = append(it.Record, gainsight.Field{Name: m.name, Value: gainsight.Raw(string(m.raw))})
	}
	return string(it.AppendJSON(nil))
}

// idle says that the payload changes nothing.
func (p *payload) idle() bool {
	return len(p.Record) == 1 && isGsidField(p.Record[0].name) && p.Association.none() && p.Dissociation.none() && p.typeless()
}

// without are the items of list that are not in other.
func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(id string) bool { return slices.Contains(other, id) })
}

// within are the items of list that are in other.
func within(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(id string) bool { return !slices.Contains(other, id) })
}
