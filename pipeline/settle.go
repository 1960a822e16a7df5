package pipeline

import (
	"context"
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
// known parents, was not made before the server time seen before the call, by
// our own user, and answers for no other row. It may not be as a row of another
// run that is in doubt or under way would have it, either: that run may know the
// parent by its name, and this one by its id. One goal that also has every field
// as sent is the row's: recovered. A goal that fits but for a field may be the
// row's too, so that nothing is proved: parked. So may one whose time, within a
// day, or user alone speaks against it: clocks differ, and keys are changed. No
// goal at all, looked for after the settle time, within which a call that was cut
// off may still land, while a goal of ours made later is visible to the same kind
// of fetch: proved absent, and pending again; but for what a tenant may have made
// of a goal: one that lost its marker, or the blanks and tags of its name. Until
// then no other row of its natural key is sent.
//
// An update. Its goal has every readable field as sent: updated. Otherwise,
// after the settle time, a goal not modified since the call, or since the plan
// read it, was not reached by it: pending again. One modified since, or an update
// with parts that reading cannot show, is parked.
//
// A template, of its name, or a metric, which the picklist lists, is settled as a
// goal without a parent. Of metrics and goal types that were associated reading
// shows those that the tenant delivers; where it delivers none of them an
// update with them is parked.
//
// A delete. Its record is no longer in the tenant, which the list of records
// proves: deleted. Otherwise, after the settle time, it is pending again: a Gsid
// is never given twice, so that a second delete can only find it gone. Of a delete
// that the tenant refused, while it was open whether the record was there, the
// refusal holds.
//
// What must hold: a call does not land, nor what it made appear, later than the
// settle time after its connection ended, and a fetch that shows a later goal
// shows an earlier one.

// WhySettle is what a run waits for when a call that was cut off may still land.
const WhySettle = "settle"

// Figures of settling.
const (
	maxDoubtfulSends = 3 // of a row; then it is parked
	fencePause       = 2 * time.Second
	fencePatience    = 10 * time.Minute
	maxCandidates    = 10 // named in a reason
	// atATime is how many doubts are read back before any of them is settled, so
	// that a day or a budget of few calls gets somewhere.
	atATime = 10
	// longestFlight is how long after the server time seen before a call of
	// another run its goal can have been made at the latest, by far.
	longestFlight = time.Hour
)

// settling is one round over the doubts of a run.
type settling struct {
	*apply
	user    string
	open    []*sought
	later   []*sought            // that have their turn after those
	rivals  map[string][]*sought // other creates that are undecided, by folded name: a goal may be theirs
	foreign map[string][]*sought // likewise, of other runs
	last    bool                 // rows that only knowledge gained by further sends could settle are parked
	moved   bool                 // some row was settled
	fenced  bool                 // a later goal of ours is visible
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
	if !a.stops.stopping() {
		err = s.run(ctx, wanted)
	}
	return s.moved, err
}

// run settles the doubts that are wanted, as far as they can be settled before
// something ends the run.
func (s *settling) run(ctx context.Context, wanted func(*checkpoint.Doubt) bool) error {
	if err := s.load(ctx, wanted); err != nil {
		return err
	}
	for s.later = s.open; len(s.later) > 0 && !s.stops.stopping(); s.rival(s.open) {
		n := min(len(s.later), atATime)
		s.open, s.later = s.later[:n:n], s.later[n:]
		if err := s.settleOpen(ctx); err != nil {
			return err
		}
	}
	return nil
}

// settleOpen settles what it can of the open doubts.
func (s *settling) settleOpen(ctx context.Context) error {
	if !s.ripe() {
		if err := s.look(ctx, false); err != nil || len(s.open) == 0 || s.stops.stopping() || !s.wait() {
			return err
		}
	}
	if !s.fenced {
		fenced, err := s.fence()
		if err != nil || s.stops.stopping() {
			return err
		}
		if s.fenced = fenced; !fenced {
			s.open, s.later = slices.Concat(s.open, s.later), nil
			s.parkAll(s.of.noun() + "s made after this row's call do not appear in what the tenant lists, so its absence proves nothing")
			return nil
		}
	}
	return s.look(ctx, true)
}

// rival lets creates that stay undecided contest goals that others are settled by.
func (s *settling) rival(undecided []*sought) {
	for _, want := range undecided {
		if want.isCreate() {
			s.rivals[foldName(want.name)] = append(s.rivals[foldName(want.name)], want)
		}
	}
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
	if s.knowing.Load() && !s.doubted.Load() {
		return nil // what is durable has been seen: the journal need not be walked over
	}
	run := s.cfg.Run
	doubts, err := run.Doubts(ctx)
	if err != nil {
		return err
	}
	s.knowing.Store(true)
	if len(doubts.Rows) > 0 {
		s.doubted.Store(true)
	}
	s.user = doubts.User
	var open, others []*checkpoint.Doubt
	var names []string
	for i := range doubts.Rows {
		d := &doubts.Rows[i]
		switch {
		case wanted(d):
			open = append(open, d)
		case undecided(d), d.Status == checkpoint.Skipped: // whose record may be there all the same
			others = append(others, d)
		}
		names = append(names, d.Names)
	}
	learned, err := run.LearnedParents(ctx, names)
	if err != nil {
		return err
	}
	return s.take(open, others, learned)
}

// take reads the operations of the doubts: those that are open, and the rivals
// for their goals.
func (s *settling) take(open, others []*checkpoint.Doubt, learned map[string]string) error {
	s.gaps = map[question]string{}
	s.columns = basics(s.of)
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
	s.rivals = map[string][]*sought{}
	for _, d := range others {
		rival, err := s.sought(d, learned[d.Names])
		if err != nil {
			return err
		}
		s.rival([]*sought{rival})
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
		end := s.began
		if last, known := s.ended[want.doubt.Seq]; known {
			end = last.at
		}
		if ripe := end.Add(s.cfg.Settle); ripe.After(at) {
			at = ripe
		}
	}
	return at
}

func (s *settling) ripe() bool { return !time.Now().Before(s.ripeAt()) }

// compare fetches the goals of each open doubt once, and tells which of them
// fit. Nothing is told where something ends the run meanwhile. final asks what
// else absence needs.
func (s *settling) compare(ctx context.Context, final bool) (found map[*sought][]gainsight.Goal, fits map[*sought]fitting, err error) {
	found = s.fetchAll()
	if final && found != nil {
		s.otherwise(found)
	}
	if s.stops.stopping() {
		return nil, nil, nil
	}
	if err := s.strangers(ctx); err != nil { // after the fetch: what made a goal of it has its intent by now
		return nil, nil, err
	}
	claims, err := s.claims(ctx, found)
	if err != nil {
		return nil, nil, err
	}
	return found, s.match(found, claims), nil
}

// look fetches the goals of each open doubt once, and settles what they prove;
// final says that the settle time is over, so that absence proves something too.
func (s *settling) look(ctx context.Context, final bool) error {
	found, fits, err := s.compare(ctx, final)
	if err != nil || s.stops.stopping() {
		return err
	}
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
	switch {
	case e.Status == checkpoint.Parked:
		s.rival([]*sought{want})
	case want.isCreate():
		s.keys.settled(d.Key)
	}
}

// parkAll parks every open doubt.
func (s *settling) parkAll(reason string) {
	for _, want := range s.open {
		s.record(want, parked(reason))
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
	if err := s.load(ctx, recovered); err != nil || len(s.open) == 0 {
		a.audited = err == nil
		return err
	}
	_, fits, err := s.compare(ctx, false) // none where something ends the run
	for _, want := range s.open {
		if twins := fits[want].exact; len(twins) > 0 {
			s.record(want, parked(s.of.noun()+" "+want.doubt.Gsid+" is this row's, and so may be "+listed(twins)+
				", made by a call that was cut off: look at them in the tenant, where one is too many"))
		}
	}
	a.audited = err == nil && !s.stops.stopping()
	return err
}

// recovered says that a row which was in doubt has a record, and not by the word
// of a person, who has seen what else may be the row's.
func recovered(d *checkpoint.Doubt) bool {
	return d.Status == checkpoint.Created && !strings.HasPrefix(d.Why, decidedByPerson+" ")
}

// unaudited says whether rows that were in doubt are still to be audited, or, if
// the work was cut short, to be settled.
func (a *apply) unaudited(ctx context.Context, cut bool) bool {
	if a.cfg.Settle <= 0 || a.audited || a.knowing.Load() && !a.doubted.Load() {
		return false
	}
	doubts, err := a.cfg.Run.Doubts(ctx)
	open := slices.ContainsFunc(doubts.Rows, func(d checkpoint.Doubt) bool { return d.Status == checkpoint.InDoubt })
	return err != nil || open && cut || !open && slices.ContainsFunc(doubts.Rows, func(d checkpoint.Doubt) bool { return recovered(&d) })
}
