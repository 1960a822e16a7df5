package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
)

const (
	proofSince = int64(1_700_000_000_000)
	proofGoal  = `{"Gsid":"G","Name":"Grow","EntityType":"COMPANY","Description":"text","CreatedDate":1700000001000}`
)

// doubtOf is a doubt of one call, begun at proofSince.
func doubtOf(action string) checkpoint.Doubt {
	return checkpoint.Doubt{Op: checkpoint.Op{Action: action, Gsid: "G", Item: `{"record":{"Name":"Grow","EntityType":"COMPANY","Description":"text"}}`},
		Status: checkpoint.InDoubt, Since: proofSince, Last: proofSince, Sends: 1}
}

func soughtOf(t *testing.T, d *checkpoint.Doubt) *sought {
	t.Helper()
	want, err := newSought(d, "")
	if err != nil {
		t.Fatal(err)
	}
	return want
}

// told is what a doubt is decided as, in words.
func told(e checkpoint.Event, decided bool) string {
	if !decided {
		return "open"
	}
	return fmt.Sprintf("%s %s %s: %s", e.Status, e.Gsid, e.Code, e.Reason)
}

// What the goals that fit prove of a create, before the settle time is over and
// after it.
func TestDecideCreate(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fits  fitting
		gap   string
		why   string // the last answer
		sends int
		first bool   // other rows may still have their turn
		soon  string // "": open
		final string
	}{
		"one":                {fits: fitting{exact: []string{"A"}}, soon: "created A recovered: found in the tenant by reading back", final: "created A recovered: found in the tenant by reading back"},
		"one, and one alike": {fits: fitting{exact: []string{"A"}, near: []string{"B"}}, gap: "a gap", soon: "created A recovered: found in the tenant by reading back", final: "created A recovered: found in the tenant by reading back"},
		"two":                {fits: fitting{exact: []string{"B", "A"}}, final: "parked  parked: goals that may be this row's, or another's, are in the tenant: A, B"},
		"two alike":          {fits: fitting{near: []string{"B", "A"}}, gap: "a gap", why: straysListed + " x", final: "parked  parked: goals that may be this row's, or another's, are in the tenant: A, B"},
		"two and one alike":  {fits: fitting{exact: []string{"B", "C"}, near: []string{"A"}}, final: "parked  parked: goals that may be this row's, or another's, are in the tenant: A, B, C"},
		"as many of each":    {fits: fitting{exact: []string{"B", "C"}, near: []string{"A", "D"}}, gap: "a gap", why: straysListed + " x", final: "parked  parked: goals that may be this row's, or another's, are in the tenant: A, B, C, D"},
		"two, not the last":  {fits: fitting{exact: []string{"B", "A"}}, first: true, final: "open"},
		"none":               {final: "pending  absent: no goal of this row is in the tenant: to be sent again"},
		"none, not the last": {first: true, final: "pending  absent: no goal of this row is in the tenant: to be sent again"},
		"none, but a gap":    {gap: "a gap", why: straysListed + " x", final: "parked  parked: absence cannot be proved, for a gap"},
		"none, but strays":   {why: straysListed + " listed Z", final: "parked  parked: no goal has this row's name, and the tenant may have changed it: listed Z"},
		"none, sent twice":   {sends: 2, why: "502", final: "pending  absent: no goal of this row is in the tenant: to be sent again"},
		"none, sent thrice": {sends: 3, why: "502",
			final: "parked  parked: no goal of this row is in the tenant, after 3 calls without an answer; see what keeps this row from being answered (the last call: 502)"},
	} {
		d := doubtOf("create")
		d.Why, d.Sends = tt.why, max(tt.sends, 1)
		want := soughtOf(t, &d)
		s := &settling{apply: &apply{}, last: !tt.first, gaps: map[question]string{{field: "Name", value: "Grow"}: tt.gap}}
		fits := func() map[*sought]fitting {
			return map[*sought]fitting{want: {slices.Clone(tt.fits.exact), slices.Clone(tt.fits.near)}}
		}
		if tt.soon == "" {
			tt.soon = "open"
		}
		if got := told(s.decide(want, nil, fits(), false)); got != tt.soon {
			t.Errorf("%s, soon: %s", name, got)
		}
		if got := told(s.decide(want, nil, fits(), true)); got != tt.final {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// What the goal of an update proves of it.
func TestDecideUpdate(t *testing.T) {
	t.Parallel()
	const done = "updated G recovered: every field that was sent is so in the tenant"
	const edited = "parked  parked: goal G was modified since the call, to other values than those sent"
	const plan = "pending  absent: goal G was not modified since it was read for the plan: to be sent again"
	const call = "pending  absent: goal G was not modified since before the call: to be sent again"
	const blind = "parked  parked: the update carries what reading back cannot show (metrics, associations); see in the tenant whether goal G has it"
	goal := func(fields string) string { return strings.TrimSuffix(proofGoal, "}") + "," + fields + "}" }
	for name, tt := range map[string]struct {
		goal   string // "": none
		gap    string
		before int64
		since  int64
		blind  bool
		want   string
	}{
		"as sent":                         {goal: proofGoal, want: done},
		"not to be read":                  {gap: "a gap", want: "parked  parked: goal G cannot be read back: a gap"},
		"not there":                       {want: "parked  parked: goal G cannot be read back"},
		"as before the plan":              {goal: goal(`"Description":"old","ModifiedDate":7`), before: 7, since: 9, want: plan},
		"as before the plan, blind":       {goal: goal(`"Description":"old","ModifiedDate":7`), before: 7, blind: true, want: blind},
		"as sent, blind":                  {goal: proofGoal, blind: true, want: blind},
		"edited since the plan":           {goal: goal(fmt.Sprintf(`"Description":"old","ModifiedDate":%d`, proofSince)), before: 7, since: proofSince, want: edited},
		"older than the call":             {goal: goal(fmt.Sprintf(`"Description":"old","ModifiedDate":%d`, proofSince-5001)), since: proofSince, want: call},
		"within the slack":                {goal: goal(fmt.Sprintf(`"Description":"old","ModifiedDate":%d`, proofSince-5000)), since: proofSince, want: edited},
		"no time is told":                 {goal: goal(`"Description":"old"`), before: 7, since: proofSince, want: edited},
		"the plan did not read it":        {goal: goal(`"Description":"old","ModifiedDate":0`), want: edited},
		"no server time was known either": {goal: goal(`"Description":"old","ModifiedDate":-10000`), want: edited},
	} {
		d := doubtOf("update")
		d.Before, d.Since = tt.before, tt.since
		want := soughtOf(t, &d)
		want.blind = tt.blind
		s := &settling{apply: &apply{}, gaps: map[question]string{{field: "Gsid", value: "G"}: tt.gap}}
		var goals []gainsight.Goal
		if tt.goal != "" {
			goals = append(goals, *goalOf(t, tt.goal))
		}
		soon := "open"
		if tt.want == done {
			soon = done
		}
		if got := told(s.decide(want, goals, nil, false)); got != soon {
			t.Errorf("%s, soon: %s", name, got)
		}
		if got := told(s.decide(want, goals, nil, true)); got != tt.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// What the list of records proves of a delete.
func TestDecideDelete(t *testing.T) {
	t.Parallel()
	const gone = "deleted G recovered: no metric G is in the tenant any more"
	const was = "unchanged G already-gone: no metric G is in the tenant: there is nothing to delete"
	const unproved = "parked  parked: whether metric G is gone cannot be proved, for a gap"
	for name, tt := range map[string]struct {
		there bool
		gap   string
		why   string
		sends int
		soon  string
		final string
	}{
		"gone":                              {soon: gone, final: gone},
		"gone, sent twice":                  {sends: 2, soon: gone, final: gone},
		"refused, and gone":                 {why: refusedUnproved + ":8026 in use", soon: was, final: was},
		"refused at the second, and gone":   {why: refusedUnproved + ":8026 in use", sends: 2, soon: gone, final: gone},
		"not listed":                        {gap: "a gap", soon: "open", final: unproved},
		"refused, and not listed":           {gap: "a gap", why: refusedUnproved, soon: "open", final: unproved},
		"there":                             {there: true, soon: "open", final: "pending  absent: metric G is still in the tenant: to be sent again"},
		"there, in a list that is no proof": {there: true, gap: "a gap", soon: "open", final: "pending  absent: metric G is still in the tenant: to be sent again"},
		"there, thrice": {there: true, sends: 3, why: "502", soon: "open",
			final: "parked  parked: metric G is still in the tenant, after 3 calls without an answer; see what keeps this row from being answered (the last call: 502)"},
		"refused, and there": {there: true, why: refusedUnproved + ":8026 in use", soon: "open", final: "rejected G 8026: in use"},
	} {
		d := doubtOf("delete")
		d.Why, d.Sends = tt.why, max(tt.sends, 1)
		s := &settling{apply: &apply{of: gainsight.MetricObject}, gaps: map[question]string{{field: "Gsid", value: "G"}: tt.gap}}
		var goals []gainsight.Goal
		if tt.there {
			goals = append(goals, *goalOf(t, proofGoal))
		}
		for final, want := range map[bool]string{false: tt.soon, true: tt.final} {
			if got := told(s.decide(soughtOf(t, &d), goals, nil, final)); got != want {
				t.Errorf("%s, final %v: %s", name, final, got)
			}
		}
	}
}

// A goal that answers for a row already is no other's, and one that may be
// several rows' proves nothing of any.
func TestMatch(t *testing.T) {
	t.Parallel()
	flight := longestFlight.Milliseconds()
	const made = 1_700_000_001_000
	create := func(last int64) *checkpoint.Doubt { d := doubtOf("create"); d.Last = last; return &d }
	other := create(proofSince)
	other.Item = strings.Replace(other.Item, "text", "words", 1)
	update := doubtOf("update")
	for name, tt := range map[string]struct {
		open    []*checkpoint.Doubt // beside the one that is looked at
		rival   *checkpoint.Doubt   // of this run
		foreign *checkpoint.Doubt   // of another
		goal    string              // "": proofGoal
		marker  string
		claimed bool
		want    fitting
	}{
		"alone":                         {want: fitting{exact: []string{"G"}}},
		"claimed":                       {claimed: true},
		"another's name":                {goal: strings.Replace(proofGoal, "Grow", "Shrink", 1)},
		"another description":           {goal: strings.Replace(proofGoal, "text", "words", 1), want: fitting{near: []string{"G"}}},
		"of two rows":                   {open: []*checkpoint.Doubt{create(0)}, want: fitting{near: []string{"G"}}},
		"of one of two rows":            {open: []*checkpoint.Doubt{other}, want: fitting{exact: []string{"G"}}},
		"beside an update":              {open: []*checkpoint.Doubt{&update}, want: fitting{exact: []string{"G"}}},
		"of a parked row too":           {rival: create(0), want: fitting{near: []string{"G"}}},
		"not of a parked row":           {rival: other, want: fitting{exact: []string{"G"}}},
		"of another run's too":          {foreign: create(made - flight), want: fitting{near: []string{"G"}}},
		"after another run's":           {foreign: create(made - flight - 1), want: fitting{exact: []string{"G"}}},
		"not of another run's":          {foreign: other, want: fitting{exact: []string{"G"}}},
		"of another run's, by a marker": {foreign: create(made), marker: "a/2", want: fitting{exact: []string{"G"}}},
	} {
		if tt.goal == "" {
			tt.goal = proofGoal
		}
		goals := []gainsight.Goal{{Gsid: "F"}, *goalOf(t, tt.goal)}
		goals[1].Gsid = "G"
		want := soughtOf(t, create(0))
		want.marker = tt.marker
		s := &settling{apply: &apply{cfg: ApplyConfig{Run: &checkpoint.Run{}}}, open: []*sought{want}}
		found := map[*sought][]gainsight.Goal{want: goals}
		if tt.marker != "" {
			found[want] = goals[1:]
		}
		for _, d := range tt.open {
			one := soughtOf(t, d)
			s.open, found[one] = append(s.open, one), goals
		}
		if tt.rival != nil {
			s.rivals = map[string][]*sought{foldName("Grow"): {soughtOf(t, tt.rival)}}
		}
		if tt.foreign != nil {
			s.foreign = map[string][]*sought{foldName("Grow"): {soughtOf(t, tt.foreign)}}
		}
		fits := s.match(found, map[string]bool{"G": tt.claimed})
		if got := fits[want]; !slices.Equal(got.exact, tt.want.exact) || !slices.Equal(got.near, tt.want.near) {
			t.Errorf("%s: %+v", name, got)
		}
		for one := range maps.Keys(fits) {
			if !one.isCreate() {
				t.Errorf("%s: goals fit an update", name)
			}
		}
	}
}

// Some Gsids are named, in order, and how many more there are.
func TestListed(t *testing.T) {
	t.Parallel()
	var gsids []string
	for i := range maxCandidates + 2 {
		gsids = append(gsids, fmt.Sprintf("%c", 'L'-i))
	}
	for n, want := range map[int]string{0: "", 2: "K, L", 10: "C, D, E, F, G, H, I, J, K, L", 12: "A, B, C, D, E, F, G, H, I, J and 2 more"} {
		if got := listed(slices.Clone(gsids[:n])); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}
