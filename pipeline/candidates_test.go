package pipeline

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
)

// goalOf is a goal of these fields, written as JSON.
func goalOf(t *testing.T, fields string) *gainsight.Goal {
	t.Helper()
	g := gainsight.Goal{}
	if err := json.Unmarshal([]byte(fields), &g.Fields); err != nil {
		t.Fatal(err)
	}
	return &g
}

// Which goals are as a doubtful create would have made them: each case is the
// goal that was sent, but for some fields.
func TestFits(t *testing.T) {
	t.Parallel()
	const since = int64(1_700_000_000_000)
	const day = int64(24 * 3600 * 1000)
	item := `{"record":{"Name":"Grow","EntityType":"COMPANY","CompanyId":"C1","Description":"text","StatusName":"New"}}`
	for name, tt := range map[string]struct {
		change string // of the goal's fields
		since  int64
		want   fit
	}{
		"as sent":                       {``, since, exactFit},
		"name in other letters":         {`"Name":"GROW "`, since, nearFit},
		"another name":                  {`"Name":"Grow 2"`, since, noFit},
		"entity type in other letters":  {`"EntityType":"Company"`, since, nearFit},
		"another entity type":           {`"EntityType":"GLOBAL"`, since, noFit},
		"entity type not told":          {`"EntityType":null`, since, nearFit},
		"another company":               {`"CompanyId":"C2"`, since, noFit},
		"company not told":              {`"CompanyId":null`, since, exactFit},
		"another author":                {`"CreatedById":"U2"`, since, nearFit},
		"author not told":               {`"CreatedById":null`, since, exactFit},
		"another description":           {`"Description":"words"`, since, nearFit},
		"made when the call was":        {fmt.Sprintf(`"CreatedDate":%d`, since), since, exactFit},
		"made within the slack":         {fmt.Sprintf(`"CreatedDate":%d`, since-5000), since, exactFit},
		"made a little before":          {fmt.Sprintf(`"CreatedDate":%d`, since-5001), since, nearFit},
		"made 25 hours before":          {fmt.Sprintf(`"CreatedDate":%d`, since-25*3600*1000), since, nearFit},
		"made more than a day before":   {fmt.Sprintf(`"CreatedDate":%d`, since-25*3600*1000-1), since, noFit},
		"made long after":               {fmt.Sprintf(`"CreatedDate":%d`, since+9*day), since, exactFit},
		"time not told":                 {`"CreatedDate":null`, since, nearFit},
		"no server time was known":      {``, 0, nearFit},
		"old, and no server time known": {`"CreatedDate":1`, 0, nearFit},
		"as old as can be":              {`"CreatedDate":-1000000000`, 0, nearFit},
	} {
		goal := map[string]json.RawMessage{}
		whole := fmt.Sprintf(`{"Gsid":"G","Name":"Grow","EntityType":"COMPANY","CompanyId":"C1","Description":"text","CreatedById":"U1","CreatedDate":%d}`, since+1000)
		for _, text := range []string{whole, "{" + tt.change + "}"} {
			if err := json.Unmarshal([]byte(text), &goal); err != nil {
				t.Fatal(err)
			}
		}
		text, _ := json.Marshal(goal)
		want, err := newSought(&checkpoint.Doubt{Op: checkpoint.Op{Item: item, Action: "create"}, Since: tt.since}, "")
		if err != nil {
			t.Fatal(err)
		}
		if got := want.fits(goalOf(t, string(text)), "U1", ""); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}

// With a marker the goal that bears it is the row's; one that bears none, or
// the beginning of it, may be.
func TestFitsByMarker(t *testing.T) {
	t.Parallel()
	const since = int64(1_700_000_000_000)
	for marker, want := range map[string][2]fit{ // found by the marker, by its name
		`"run/7"`: {exactFit, nearFit}, `"run/8"`: {noFit, noFit}, `"RU"`: {noFit, nearFit}, `null`: {exactFit, nearFit}, `"run/77"`: {noFit, noFit},
	} {
		goal := goalOf(t, fmt.Sprintf(`{"Name":"Grow","EntityType":"COMPANY","CreatedDate":%d,"m__gc":%s}`, since, marker))
		s, err := newSought(&checkpoint.Doubt{Op: checkpoint.Op{Item: `{"record":{"Name":"Grow","EntityType":"COMPANY"}}`, Action: "create"}, Since: since}, "")
		if err != nil {
			t.Fatal(err)
		}
		s.marker = "run/7"
		for i, lost := range []bool{false, true} {
			if s.lost = lost; s.fits(goal, "", "m__gc") != want[i] {
				t.Errorf("%s, lost %v: %d, want %d", marker, lost, s.fits(goal, "", "m__gc"), want[i])
			}
		}
	}
}

// What is taken from an operation to look for its goal.
func TestSought(t *testing.T) {
	t.Parallel()
	d := &checkpoint.Doubt{Op: checkpoint.Op{Line: 4, Action: "update", Lookups: `{"CompanyId":{"fields":{"CompanyName":"Name"}}}`,
		Item: `{"record":{"Gsid":"G","Name":"Grow","CompanyName":"IBM","RelationshipId":"R1","Description":"text"}}`}}
	s, err := newSought(d, "CompanyId=C1;OpportunityId=O1;nonsense")
	if err != nil {
		t.Fatal(err)
	}
	if s.name != "Grow" || len(s.fields) != 2 || len(s.parents) != 3 || s.parents["CompanyId"] != "C1" || s.parents["RelationshipId"] != "R1" || s.blind || s.isCreate() {
		t.Errorf("%+v", s)
	}
	for _, item := range []string{
		`{"record":{"metricsAssociation":[]}}`, `{"record":{},"association":{"CTA":["1"]}}`, `{"record":{},"dissociation":{"SP":["1"]}}`,
		`{"record":{"metricsDissociation":[]}}`, `{"record":{},"associateGoalTypeNames":["A"],"dissociateGoalTypeNames":["B"]}`,
	} {
		d.Item = item
		if s, err := newSought(d, ""); err != nil || !s.blind {
			t.Errorf("%s: %+v, %v", item, s, err)
		}
	}
	d.Item = `{"record":`
	if _, err := newSought(d, ""); err == nil || err.Error() != "row 4: stored operation: unexpected end of JSON input" {
		t.Error(err)
	}
}

// What a tenant may have made of a name is near, where the goal is looked for
// so; no other name is, and none where it is not.
func TestFitsByAnotherName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][2]fit{ // looked for so, or not
		"R&D <i>goal</i>": {nearFit, exactFit}, "R&amp;D goal": {nearFit, noFit}, "R": {noFit, noFit}, "Rest": {noFit, noFit},
	} {
		text, _ := json.Marshal(map[string]any{"Name": name, "CreatedDate": 1_700_000_000_000})
		s, err := newSought(&checkpoint.Doubt{Op: checkpoint.Op{Item: `{"record":{"Name":"R&D <i>goal</i>"}}`, Action: "create"}, Since: 1_700_000_000_000}, "")
		if err != nil {
			t.Fatal(err)
		}
		for i, lost := range []bool{true, false} {
			if s.lost = lost; s.fits(goalOf(t, string(text)), "", "") != want[i] {
				t.Errorf("%s, lost %v: %d, want %d", name, lost, s.fits(goalOf(t, string(text)), "", ""), want[i])
			}
		}
	}
}

// A metric is as it was sent where it has the goal types that were associated
// and none that were dissociated, as far as the tenant tells of them.
func TestTypesOfAMetric(t *testing.T) {
	t.Parallel()
	item := `{"record":{"name":"M"},"associateGoalTypes":["A"],"dissociateGoalTypes":["B"]}`
	for told, want := range map[string]struct{ asSent, hidden bool }{
		`["A"]`: {true, false}, `["C","A"]`: {true, false}, `["A","B"]`: {false, false}, `[]`: {false, false}, `["B"]`: {false, false}, `"?"`: {true, true},
	} {
		s, err := newSought(&checkpoint.Doubt{Op: checkpoint.Op{Item: item, Action: "update"}}, "")
		if err != nil {
			t.Fatal(err)
		}
		goal := goalOf(t, `{"name":"M","associateGoalTypes":`+told+`}`)
		if s.asSent(goal) != want.asSent || s.hides(goal) != want.hidden {
			t.Errorf("%s: as sent %v, hidden %v", told, s.asSent(goal), s.hides(goal))
		}
		if s.types = (types{}); s.hides(goal) {
			t.Errorf("%s: something is hidden, and nothing of types was sent", told)
		}
	}
}

// The fields that were sent are asked for, once each.
func TestSelects(t *testing.T) {
	t.Parallel()
	s := &sought{fields: map[string]json.RawMessage{"Name": nil, "Description": nil}}
	if got := s.selects([]string{"Gsid", "Name"}); !slices.Equal(got, []string{"Gsid", "Name", "Description"}) {
		t.Error(got)
	}
}
