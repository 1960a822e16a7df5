package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
)

// Settling turns rows in doubt into created, updated, pending or parked ones by
// reading back.
//
// A create. With a marker field its goal bears the row's marker, which no other
// has. Otherwise its goal, if there is one, has the row's name, entity type and
// known parents, was not made before the server time seen before the call, and
// answers for no other row. One goal that also has every field as sent is the
// row's: recovered. A goal that fits but for a field may be the row's too, so
// that nothing is proved: parked. No goal at all, looked for after the settle
// time, within which a call that was cut off may still land, while a goal of
// ours made later is visible to the same kind of fetch: proved absent, and
// pending again. Until then no other row of its natural key is sent.
//
// An update. Its goal has every readable field as sent: updated. Otherwise,
// after the settle time, a goal not modified since the call, or since the plan
// read it, was not reached by it: pending again. One modified since, or an update with parts that reading
// cannot show, is parked.
//
// What must hold: a call does not land later than the settle time after its
// connection ended, and a fetch that shows a later goal shows an earlier one.

// WhySettle is what a run waits for when a call that was cut off may still land.
const WhySettle = "settle"

// Figures of settling.
const (
	maxDoubtfulSends = 3 // of a row; then it is parked
	fencePause       = 2 * time.Second
	fencePatience    = 10 * time.Minute
	maxCandidates    = 10 // named in a reason
)

// settling is one round over the doubts of a run.
type settling struct {
	*apply
	user    string
	open    []*sought
	last    bool // rows that only knowledge gained by further sends could settle are parked
	moved   bool // some row was settled
	began   time.Time
	columns []string
	gaps    map[question]string // why the answer may lack goals that are there
}

// settle settles what it can of the run's doubts, waiting for the settle time
// where it must. moved says that some row was settled, so that other rows may
// have their turn. The error is of the checkpoint; all else ends the run.
func (a *apply) settle(ctx context.Context, last bool) (moved bool, err error) {
	if a.cfg.Settle <= 0 {
		return false, nil
	}
	return a.settleRows(ctx, last, func(d *checkpoint.Doubt) bool { return d.Status == checkpoint.InDoubt })
}

// settleRows is settle for the doubts that are wanted.
func (a *apply) settleRows(ctx context.Context, last bool, wanted func(*checkpoint.Doubt) bool) (moved bool, err error) {
	s := &settling{apply: a, last: last, began: time.Now()}
	if a.stops.stopping() {
		return false, nil
	}
	if err := s.load(ctx, wanted); err != nil || len(s.open) == 0 {
		return false, err
	}
	if !s.ripe() {
		if err := s.look(ctx, false); err != nil || len(s.open) == 0 || a.stops.stopping() {
			return s.moved, err
		}
		if !s.wait() {
			return s.moved, nil
		}
	}
	fenced, err := s.fence()
	if err != nil || a.stops.stopping() {
		return s.moved, err
	}
	if !fenced {
		return true, s.parkAll("goals made after this row's call do not appear in what the tenant lists, so its absence proves nothing")
	}
	err = s.look(ctx, true)
	return s.moved, err
}

// wait sleeps out the settle time, and says whether it was not cut short.
func (s *settling) wait() bool {
	at := s.ripeAt()
	if s.cfg.Waiting != nil {
		s.cfg.Waiting(at, WhySettle)
	}
	return s.stops.sleep(time.Until(at))
}

// load reads the doubts that are wanted, and what is known about them.
func (s *settling) load(ctx context.Context, wanted func(*checkpoint.Doubt) bool) error {
	if err := s.folded(ctx); err != nil {
		return err
	}
	run := s.cfg.Run
	doubts, err := run.Doubts(ctx)
	if err != nil {
		return err
	}
	s.user = doubts.User
	var open []*checkpoint.Doubt
	var names []string
	for i := range doubts.Rows {
		d := &doubts.Rows[i]
		if !wanted(d) {
			continue
		}
		open = append(open, d)
		if d.Names != "" && !slices.Contains(names, d.Names) {
			names = append(names, d.Names)
		}
	}
	learned, err := run.LearnedParents(ctx, names)
	if err != nil {
		return err
	}
	s.gaps = map[question]string{}
	s.columns = basics()
	if field := s.markerField(); field != "" {
		s.columns = append(s.columns, field)
	}
	for _, d := range open {
		want, err := s.sought(d, learned[d.Names])
		if err != nil {
			return err
		}
		s.open = append(s.open, want)
		s.columns = want.selects(s.columns)
	}
	return nil
}

// ripeAt is when the youngest open doubt has had its settle time. What an
// earlier process left has no known end, so its time starts now.
func (s *settling) ripeAt() time.Time {
	at := time.Time{}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, want := range s.open {
		ended, known := s.ended[want.doubt.Seq]
		if !known {
			ended = s.began
		}
		if ripe := ended.Add(s.cfg.Settle); ripe.After(at) {
			at = ripe
		}
	}
	return at
}

func (s *settling) ripe() bool { return !time.Now().Before(s.ripeAt()) }

// look fetches the goals of each open doubt once, and settles what they prove;
// final says that the settle time is over, so that absence proves something too.
func (s *settling) look(ctx context.Context, final bool) error {
	found, err := s.fetchAll()
	if err != nil || s.stops.stopping() {
		return err
	}
	claims, err := s.claims(ctx, found)
	if err != nil {
		return err
	}
	fits := s.match(found, claims)
	var left []*sought
	for _, want := range s.open {
		event, decided := s.decide(want, found[want], fits, final)
		if !decided {
			left = append(left, want)
			continue
		}
		s.record(want, event)
	}
	s.open = left
	return nil
}

// fetchAll fetches the goals that each open doubt is to be compared with; equal
// questions are asked once.
func (s *settling) fetchAll() (map[*sought][]gainsight.Goal, error) {
	found := map[*sought][]gainsight.Goal{}
	asked := map[question][]gainsight.Goal{}
	for _, want := range s.open {
		key := s.asks(want)
		goals, known := asked[key]
		if !known {
			var gap string
			var err error
			if goals, gap, err = s.fetch(key); err != nil {
				s.fault(err)
				return nil, nil
			}
			s.gaps[key] = gap
			if s.stops.stopping() {
				return nil, nil
			}
			asked[key] = goals
		}
		found[want] = goals
	}
	return found, nil
}

// question is what one fetch asks for: the goals of which field is value.
type question struct{ field, value string }

// asks is the question whose answer holds the goal of a doubt, if there is one.
func (s *settling) asks(want *sought) question {
	switch {
	case !want.isCreate():
		return question{"Gsid", want.doubt.Gsid}
	case want.marker != "":
		return question{s.markerField(), want.marker}
	}
	return question{"Name", want.name}
}

// fetch reads every goal that answers the question. gap says why goals may be
// missing from the answer, "" where none can be. A field that the tenant does
// not let us select is left out of the comparison.
func (s *settling) fetch(ask question) (goals []gainsight.Goal, gap string, err error) {
	for {
		goals, err = nil, nil
		query := gainsight.Query{Select: s.columns,
			Where: []gainsight.Condition{{Field: ask.field, Operator: "EQ", Values: []gainsight.Value{gainsight.String(ask.value)}}}}
		if !s.withinBudget() {
			return nil, "", nil
		}
		walk := s.cfg.Client.Walk(query)
		for g, failed := range walk.Goals(s.stops.ctx) {
			if err = failed; err != nil {
				break
			}
			goals = append(goals, g.Clone())
		}
		var failure *gainsight.Error
		switch refused := errors.As(err, &failure); {
		case err == nil && walk.Report().Proved:
			return goals, "", nil
		case err == nil:
			return goals, "the tenant's list is not proved to be whole: " + walk.Report().Why, nil
		case refused && s.drop(failure.RefusedFields()):
		case refused && failure.Answer.Verdict == gainsight.Rejected:
			return nil, "the tenant does not list goals by " + ask.field + ": " + reasonOf(failure.Answer), nil
		default:
			return nil, "", err
		}
	}
}

// drop takes refused fields out of the selection, and says whether it did.
func (s *settling) drop(refused []string) bool {
	before := len(s.columns)
	s.columns = slices.DeleteFunc(s.columns, func(field string) bool { return slices.Contains(refused, field) })
	for _, want := range s.open {
		for _, field := range refused {
			if _, sent := want.fields[field]; sent {
				delete(want.fields, field)
				want.blind = true
			}
		}
	}
	return len(s.columns) < before
}

// claims tells which of the found goals answer for a row already.
func (s *settling) claims(ctx context.Context, found map[*sought][]gainsight.Goal) (map[string]bool, error) {
	var gsids []string
	for want, goals := range found {
		if !want.isCreate() {
			continue
		}
		for i := range goals {
			gsids = append(gsids, goals[i].Gsid)
		}
	}
	claimed, err := s.cfg.Tenant.ClaimedElsewhere(ctx, s.cfg.Run, gsids)
	if err != nil {
		return nil, err
	}
	own, err := s.cfg.Run.Claimed(ctx, gsids)
	for gsid := range own {
		claimed[gsid] = true
	}
	return claimed, err
}

// fitting are the goals that fit one doubt.
type fitting struct{ exact, near []string }

// match compares the open creates with the unclaimed goals. A goal that fits
// several of them proves nothing of any one.
func (s *settling) match(found map[*sought][]gainsight.Goal, claimed map[string]bool) map[*sought]fitting {
	fits := map[*sought]fitting{}
	wanted := map[string]int{}
	for _, want := range s.open {
		if !want.isCreate() {
			continue
		}
		var f fitting
		for i := range found[want] {
			g := &found[want][i]
			if claimed[g.Gsid] {
				continue
			}
			switch want.fits(g, s.user, s.markerField()) {
			case exactFit:
				f.exact = append(f.exact, g.Gsid)
				wanted[g.Gsid]++
			case nearFit:
				f.near = append(f.near, g.Gsid)
			}
		}
		fits[want] = f
	}
	for want, f := range fits {
		if len(f.exact) == 1 && wanted[f.exact[0]] > 1 {
			f.near, f.exact = append(f.near, f.exact...), nil
			fits[want] = f
		}
	}
	return fits
}

// decide says what a doubt is settled as; decided is false while that is open.
func (s *settling) decide(want *sought, goals []gainsight.Goal, fits map[*sought]fitting, final bool) (e checkpoint.Event, decided bool) {
	if !want.isCreate() {
		return s.decideUpdate(want, goals, final)
	}
	f := fits[want]
	switch {
	case len(f.exact) == 1:
		return checkpoint.Event{Status: checkpoint.Created, Gsid: f.exact[0], Code: "recovered", Reason: "found in the tenant by reading back"}, true
	case !final:
		return e, false
	case len(f.exact)+len(f.near) == 0 && s.gaps[s.asks(want)] != "":
		return parked("absence cannot be proved, for " + s.gaps[s.asks(want)]), true
	case len(f.exact)+len(f.near) == 0:
		return s.absent(want, "no goal of this row is in the tenant")
	case !s.last:
		return e, false
	}
	return parked("goals that may be this row's, or another's, are in the tenant: " + listed(append(f.exact, f.near...))), true
}

// decideUpdate settles an update by its goal.
func (s *settling) decideUpdate(want *sought, goals []gainsight.Goal, final bool) (e checkpoint.Event, decided bool) {
	if len(goals) == 0 {
		if !final {
			return e, false
		}
		return parked(strings.TrimRight("goal "+want.doubt.Gsid+" cannot be read back: "+s.gaps[s.asks(want)], ": ")), true
	}
	g := &goals[0]
	if !want.blind && want.asSent(g) {
		return checkpoint.Event{Status: checkpoint.Updated, Gsid: want.doubt.Gsid, Code: "recovered", Reason: "every field that was sent is so in the tenant"}, true
	}
	modified, known := millis(g, "ModifiedDate")
	switch {
	case !final:
		return e, false
	case want.blind:
		return parked("the update carries what reading back cannot show (metrics, associations); see in the tenant whether goal " + want.doubt.Gsid + " has it"), true
	case known && want.doubt.Before > 0 && modified == want.doubt.Before:
		return s.absent(want, "goal "+want.doubt.Gsid+" was not modified since it was read for the plan")
	case known && want.doubt.Since > 0 && modified < want.doubt.Since-clockSlack.Milliseconds():
		return s.absent(want, "goal "+want.doubt.Gsid+" was not modified since before the call")
	}
	return parked("goal " + want.doubt.Gsid + " was modified since the call, to other values than those sent"), true
}

// absent makes a row pending again whose call is proved not to have been
// executed, unless that has happened to it too often.
func (s *settling) absent(want *sought, why string) (checkpoint.Event, bool) {
	if want.doubt.Sends >= maxDoubtfulSends {
		return parked(fmt.Sprintf("%s, after %d calls without an answer; see what keeps this row from being answered", why, want.doubt.Sends)), true
	}
	return checkpoint.Event{Status: checkpoint.Pending, Code: "absent", Reason: why + ": to be sent again"}, true
}

func parked(reason string) checkpoint.Event {
	return checkpoint.Event{Status: checkpoint.Parked, Code: "parked", Reason: reason}
}

// listed names some Gsids.
func listed(gsids []string) string {
	slices.Sort(gsids)
	if more := len(gsids) - maxCandidates; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(gsids[:maxCandidates], ", "), more)
	}
	return strings.Join(gsids, ", ")
}

// record writes down what a doubt is settled as.
func (s *settling) record(want *sought, e checkpoint.Event) {
	d := want.doubt
	e.Kind, e.Was, e.Seq, e.Attempt = checkpoint.Settled, d.Status, d.Seq, d.Attempts
	e.At, e.Server = time.Now().UnixMilli(), d.Since
	if err := s.journal.Intend(e); err != nil { // durable before anything follows from it
		s.stops.add(Stop{Reason: StopStorage, Err: err})
		return
	}
	s.moved = true
	if e.Status != checkpoint.Parked && want.isCreate() {
		s.keys.settled(d.Key)
	}
}

// parkAll parks every open doubt.
func (s *settling) parkAll(reason string) error {
	for _, want := range s.open {
		s.record(want, parked(reason))
	}
	s.open = nil
	return nil
}

// created is a goal that this process made.
type created struct {
	op     checkpoint.Op
	gsid   string
	server time.Time
}

// made keeps the newest goal of ours, which later serves as a fence.
func (a *apply) made(op *checkpoint.Op, answer *gainsight.Answer) {
	if a.cfg.Settle <= 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if answer.ServerTime.After(a.newest.server) {
		a.newest = created{op: *op, gsid: answer.Gsid, server: answer.ServerTime}
	}
}

// fence waits until a goal of ours that was made after the open doubts is
// visible to a fetch, for some minutes at most. Where there is none the settle
// time alone decides.
func (s *settling) fence() (visible bool, err error) {
	s.mu.Lock()
	newest := s.newest
	s.mu.Unlock()
	if newest.gsid == "" {
		return true, nil
	}
	want, err := s.sought(&checkpoint.Doubt{Op: newest.op}, "")
	if err != nil {
		return false, err
	}
	ask := s.asks(want)
	for patience := time.Now().Add(fencePatience); ; {
		goals, _, err := s.fetch(ask)
		if err != nil {
			s.fault(err)
			return false, nil
		}
		if slices.ContainsFunc(goals, func(g gainsight.Goal) bool { return g.Gsid == newest.gsid }) {
			return true, nil
		}
		if time.Now().After(patience) || !s.stops.sleep(fencePause) {
			return false, nil
		}
	}
}

// audit looks once more, when no row is left to send, for every created row
// that was ever in doubt: a call may have landed later than the settle time
// allows. Two goals of one row are listed, never passed over.
func (a *apply) audit(ctx context.Context) error {
	if a.cfg.Settle <= 0 || a.stops.stopping() {
		return nil
	}
	s := &settling{apply: a}
	if err := s.load(ctx, func(d *checkpoint.Doubt) bool { return d.Status == checkpoint.Created }); err != nil || len(s.open) == 0 {
		return err
	}
	found, err := s.fetchAll()
	if err != nil || s.stops.stopping() {
		return err
	}
	claims, err := s.claims(ctx, found)
	if err != nil {
		return err
	}
	fits := s.match(found, claims)
	for _, want := range s.open {
		if twins := fits[want].exact; len(twins) > 0 {
			s.record(want, parked("goal "+want.doubt.Gsid+" is this row's, and so may be "+listed(twins)+
				", made by a call that was cut off: look at them in the tenant, where one is too many"))
		}
	}
	return nil
}
