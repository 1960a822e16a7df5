package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"gsbatch/gainsight"
)

// payload is the item of an operation, taken apart.
type payload struct {
	Record       members `json:"record"`
	Association  links   `json:"association"`
	Dissociation links   `json:"dissociation"`
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

func parsePayload(line int, item string) (payload, error) {
	var p payload
	if err := json.Unmarshal([]byte(item), &p); err != nil {
		return p, fmt.Errorf("row %d: stored operation: %w", line, err)
	}
	return p, nil
}

// item is the canonical form of the payload, which validate gives it too.
func (p *payload) item() string {
	it := gainsight.Item{Associate: gainsight.Links(p.Association), Dissociate: gainsight.Links(p.Dissociation)}
	for _, m := range p.Record {
		it.Record = append(it.Record, gainsight.Field{Name: m.name, Value: gainsight.Raw(string(m.raw))})
	}
	return string(it.AppendJSON(nil))
}

// idle says that the payload changes nothing.
func (p *payload) idle() bool {
	return len(p.Record) == 1 && p.Record[0].name == "Gsid" && p.Association.none() && p.Dissociation.none()
}

// without are the items of list that are not in other.
func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(id string) bool { return slices.Contains(other, id) })
}

// within are the items of list that are in other.
func within(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(id string) bool { return !slices.Contains(other, id) })
}
