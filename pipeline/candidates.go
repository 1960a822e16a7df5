package pipeline

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
	"gsbatch/validate"
)

// sought is the goal that a doubtful call would have made or changed.
type sought struct {
	doubt   *checkpoint.Doubt
	name    string
	fields  map[string]json.RawMessage // sent, those left out that reading cannot show
	parents map[string]string          // ids that are known
	blind   bool                       // something was sent that reading cannot show
	marker  string                     // that the goal bears in the run's marker field; "" none
	lost    bool                       // it is looked for among goals that the tenant may have made of it
	types   types                      // of a metric
}

// newSought reads the operation of a doubt. learned are the parents that
// answers to other rows taught for the same names.
func newSought(d *checkpoint.Doubt, learned string) (*sought, error) {
	if d.Action == string(validate.Delete) {
		return &sought{doubt: d}, nil
	}
	var item struct {
		Record       map[string]json.RawMessage `json:"record"`
		Association  json.RawMessage            `json:"association"`
		Dissociation json.RawMessage            `json:"dissociation"`
		types
	}
	if err := json.Unmarshal([]byte(d.Item), &item); err != nil {
		return nil, fmt.Errorf("row %d: stored operation: %w", d.Line, err)
	}
	s := &sought{doubt: d, fields: item.Record, parents: map[string]string{}, types: item.types}
	s.name = leadOf(item.Record, "Name")
	for _, field := range parentFields() {
		if id := textOf(item.Record[field]); id != "" {
			s.parents[field] = id
		}
		delete(s.fields, field)
	}
	for part := range strings.SplitSeq(learned, ";") {
		if field, id, ok := strings.Cut(part, "="); ok {
			s.parents[field] = id
		}
	}
	_, metrics := s.fields["metricsAssociation"]
	_, fewer := s.fields["metricsDissociation"]
	s.blind = metrics || fewer || len(s.types.AddNames)+len(s.types.OffNames) > 0 || item.Association != nil || item.Dissociation != nil
	for _, key := range append(lookupKeys(d.Lookups), "Gsid", "gsid") {
		delete(s.fields, key)
	}
	for field := range s.fields {
		if unreadable(field) {
			delete(s.fields, field)
		}
	}
	return s, nil
}

// selects are the fields to fetch in order to compare.
func (s *sought) selects(into []string) []string {
	for field := range s.fields {
		if !slices.Contains(into, field) {
			into = append(into, field)
		}
	}
	return into
}

// basics are the fields that any record is compared by.
func basics(of object) []string {
	return append([]string{"Gsid", "Name", "CreatedDate", "CreatedById", "ModifiedDate"}, of.places()...)
}

// fit is how well a goal fits what is sought.
type fit int

const (
	noFit    fit = iota
	nearFit      // the natural key fits; the author, the time (by less than a day) or a field that was sent differs
	exactFit     // every field that was sent is as sent
)

// A goal whose CreatedDate is older than the server time that was seen before
// a call, by more than clockSlack, was not made by that call; but clocks differ,
// a gateway's from the database's and a zone's from another's, so that less than
// clockDoubt is no proof.
const (
	clockSlack = 5 * time.Second
	clockDoubt = 25 * time.Hour
)

// fits compares a goal with the one that a doubtful create would have made.
// What the goal does not tell excludes nothing.
func (s *sought) fits(g *gainsight.Goal, user, markerField string) fit {
	has := g.Text(markerField)
	switch {
	case s.marker != "" && !s.lost && (has == "" || has == s.marker):
		return exactFit // the fetch asked for the marker, and no other row has it
	case s.marker != "" && !s.lost,
		s.lost && !strings.HasPrefix(strings.ToLower(s.marker), strings.ToLower(has)), // another row's, or whatever else somebody wrote there
		!s.sameKey(g):
		return noFit
	}
	created, known := millis(g, "CreatedDate")
	age := s.doubt.Since - created
	if known && s.doubt.Since > 0 && age > clockDoubt.Milliseconds() {
		return noFit
	}
	author := g.Text("CreatedById")
	foreign := author != "" && user != "" && author != user // the key may have been changed for another user's
	if !known || s.doubt.Since == 0 || age > clockSlack.Milliseconds() || foreign || s.lost || !s.asSent(g) {
		return nearFit
	}
	return exactFit
}

// mayBe says whether a goal that fits so well may be the one that is sought,
// though another row's, too: nothing but its time and its author is against it,
// or is not known.
func (s *sought) mayBe(g *gainsight.Goal, how fit) bool {
	return how == exactFit || how == nearFit && !s.lost && s.asSent(g)
}

// sameKey says whether the goal may have the natural key: name, entity type and
// the parents that are known.
func (s *sought) sameKey(g *gainsight.Goal) bool {
	if name := g.Text("Name"); !sameName(name, s.name) && !(s.lost && resembles(name, s.name)) {
		return false
	}
	if entity, want := g.Text("EntityType"), textOf(s.fields["EntityType"]); entity != "" && want != "" && !strings.EqualFold(entity, want) {
		return false
	}
	for field, id := range s.parents {
		if has := g.Text(field); has != "" && has != id {
			return false
		}
	}
	return true
}

// sameName compares names as the natural key does.
func sameName(a, b string) bool { return foldName(a) == foldName(b) }

func foldName(name string) string { return validate.Fold(name) }

// asSent says whether every readable field that was sent is as it was sent.
func (s *sought) asSent(g *gainsight.Goal) bool {
	for field, sent := range s.fields {
		if !sameValue(field, sent, g.Fields[field]) {
			return false
		}
	}
	return s.typesAsSent(g)
}

// typesAsSent says whether a metric has the goal types that were sent, as far
// as the tenant tells.
func (s *sought) typesAsSent(g *gainsight.Goal) bool {
	has, known := typesOf(g)
	return !known || len(without(s.types.Add, has)) == 0 && len(within(s.types.Off, has)) == 0
}

// hides says whether reading the record cannot show all that was sent.
func (s *sought) hides(g *gainsight.Goal) bool {
	_, known := typesOf(g)
	return s.blind || !known && !s.types.typeless()
}

// isDelete says whether the doubt is of a delete.
func (s *sought) isDelete() bool { return s.doubt.Action == string(validate.Delete) }

// isCreate says whether the doubt is of a create.
func (s *sought) isCreate() bool { return s.doubt.Action == string(validate.Create) }
