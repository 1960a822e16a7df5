package pipeline

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
	"gsbatch/validate"
)

// Way is how the tenant is read for a plan.
type Way string

// The ways to read.
const (
	ByPages Way = "pages" // every goal, a page a call
	ByRows  Way = "rows"  // a call for each goal to be changed and each name to be created
	Unread  Way = "not"
)

// Reading is what was read of the tenant for a plan, and why.
type Reading struct {
	Way       Way
	Updates   int      // rows to be compared with their goals
	Names     int      // distinct names of goals to be created, to be searched for
	Over      int      // reading by pages was found to take more calls than these; 0: it was not
	Calls     int      // made
	Goals     int      // read
	Unchanged int      // rows whose goal has all values already: calls that are saved
	Refused   []string // fields that the tenant does not let us read
	At        int64    // server time before the first call, epoch milliseconds
}

// differ compares a plan with what the tenant holds.
type differ struct {
	cfg     PlanConfig
	plan    *Planned
	read    *Reading
	tenant  *goalReader
	learned learned
	updates int      // in index
	names   int      // distinct, of creates in index
	index   rowIndex // of the pending rows, by Gsid or name
	keeping bool     // goals that are found are kept for a plan that is yet to be filled
	seen    []uint64 // set of the updates whose goal was read, and of all creates, a bit each
}

// compare reads the tenant where the mode and the numbers say so, takes out of
// the plan what the tenant has already, and searches it for the goals that are
// to be created. A plan that will not be sent is not compared.
func (p *Planned) compare(ctx context.Context, cfg PlanConfig) error {
	d := p.keyed
	if d == nil {
		d = &differ{cfg: cfg, plan: p, read: &Reading{Way: Unread}, tenant: newGoalReader(cfg.Client, cfg.Info.Object, cfg.Reading)}
	}
	d.cfg, d.index, p.Read = cfg, rowIndex{}, d.read
	if p.HeaderErrors > 0 || p.Counts.Invalid > 0 && !cfg.SkipInvalid {
		return d.finish(ctx)
	}
	d.seen = make([]uint64, p.Counts.Rows/64+1)
	if err := d.stored(ctx); err != nil {
		return err
	}
	if err := d.gather(ctx); err != nil {
		return err
	}
	if err := d.readTenant(ctx); err != nil {
		return err
	}
	err := d.finish(ctx)
	d.account()
	return err
}

// account enters what was read.
func (d *differ) account() {
	d.read.Calls, d.read.Goals, d.read.Refused = d.tenant.calls(), d.tenant.count, d.tenant.dropped
}

// searches says whether creates are to be searched for in the tenant.
func (d *differ) searches() bool { return d.keeping || d.cfg.searches() }

func (c *PlanConfig) searches() bool {
	return c.Mode != validate.Upsert && !c.Again && c.OnDuplicate != DuplicateCreate
}

// leads says whether the creates are to be indexed while they are planned.
func (c *PlanConfig) leads() bool { return c.Source.Compared && c.searches() }

// leads indexes the creates of a plan by what they are searched for, as they
// are planned: it spares a walk over all of them afterwards.
type leads struct {
	index rowIndex
	seqs  []uint64 // set of them, a bit each
	rows  int
}

// addAll adds the creates among ops, by that field; "" adds none.
func (l *leads) addAll(ops []checkpoint.Op, field string) error {
	if field == "" {
		return nil
	}
	for i := range ops {
		if ops[i].Action != string(validate.Create) {
			continue
		}
		if err := l.add(&ops[i], field); err != nil {
			return err
		}
	}
	return nil
}

func (l *leads) add(op *checkpoint.Op, field string) error {
	lead, err := storedLead(op, field)
	if err != nil {
		return err
	}
	if lead != "" {
		l.index.add(keyHash(lead), op.Seq)
	}
	for int(op.Seq/64) >= len(l.seqs) {
		l.seqs = append(l.seqs, 0)
	}
	l.seqs[op.Seq/64] |= 1 << (op.Seq % 64)
	l.rows++
	return nil
}

// whole says that the index has all there is to search for: the plan has
// nothing but creates, and none of them was decided since.
func (l *leads) whole(p *Planned) bool {
	return l.rows > 0 && l.rows == p.Creates && p.Updates+p.Deletes == 0
}

// gather indexes the pending rows and learns which fields their updates have.
func (d *differ) gather(ctx context.Context) error {
	taught, err := d.cfg.Tenant.LearnedParents(ctx)
	if err != nil {
		return err
	}
	d.learned = newLearned(taught)
	d.updates = 0
	for _, field := range d.cfg.Key.Fields {
		d.tenant.want(field)
	}
	if l := &d.plan.leads; !d.keeping && d.searches() && l.whole(d.plan) {
		d.index = l.index
		copy(d.seen, l.seqs)
		l.index = rowIndex{}
		d.indexed()
		return nil
	}
	for op, err := range d.plan.Run.PendingOps(ctx) {
		if err != nil {
			return err
		}
		create := op.Action == string(validate.Create)
		if create && !d.searches() || d.isSeen(op.Seq) {
			continue
		}
		if op.Action == string(validate.Delete) {
			d.updates++
			d.index.add(gsidHash(op.Gsid), op.Seq)
			continue
		}
		if create {
			d.see(op.Seq)
			lead, err := storedLead(&op, d.cfg.Key.lead())
			if err != nil {
				return err
			}
			if lead != "" {
				d.index.add(keyHash(lead), op.Seq)
			}
			if !d.keeping {
				continue
			}
		} else {
			d.updates++
			d.index.add(gsidHash(op.Gsid), op.Seq)
		}
		if err := d.wantFields(&op); err != nil {
			return err
		}
	}
	d.indexed()
	return nil
}

// wantFields has the fields of an operation read, as far as they can be.
func (d *differ) wantFields(op *checkpoint.Op) error {
	var item struct {
		Record map[string]json.RawMessage `json:"record"`
	}
	if err := json.Unmarshal([]byte(op.Item), &item); err != nil {
		return err
	}
	for _, key := range lookupKeys(op.Lookups) {
		delete(item.Record, key)
	}
	for field := range item.Record {
		if !unreadable(field) {
			d.tenant.want(field)
		}
	}
	return nil
}

// indexed makes the index ready and counts what is in it.
func (d *differ) indexed() {
	d.index.sort()
	d.names = d.index.distinct() - d.updates
	d.read.Updates += d.updates
	d.read.Names += d.names // a Gsid stands in one row alone
}

// storedLead is members.lead of an operation's record. A plan of creates is walked
// for nothing else, so a text is looked for in the item as it stands, which
// takes a tenth of the time of taking it apart: a quotation mark within a text
// has a backslash before it, so that a member's name and the mark behind its
// colon stand nowhere but at the member.
func storedLead(op *checkpoint.Op, field string) (string, error) {
	start := `"` + field + `":"`
	if _, rest, found := strings.Cut(op.Item, start); found {
		if text, _, closed := strings.Cut(rest, `"`); closed && text != "" && !strings.Contains(text, `\`) {
			return text, nil
		}
	}
	p, err := parsePayload(op.Line, op.Item)
	return p.Record.lead(field), err
}

// leadOf is members.lead of a record that is a map.
func leadOf(record map[string]json.RawMessage, field string) string {
	if _, has := record[field]; !has && field == "Name" {
		field = "name"
	}
	return textOf(record[field])
}

// batchGoals is how many goals are compared in one go.
const batchGoals = 500

// goals enters goals that were read: updates of them are compared, creates of
// their names get candidates.
func (d *differ) goals(ctx context.Context, goals []gainsight.Goal) error {
	var seqs []int64
	for i := range goals {
		seqs = d.index.find(seqs, gsidHash(goals[i].Gsid))
		if lead := goals[i].Text(d.cfg.Key.lead()); lead != "" {
			seqs = d.index.find(seqs, keyHash(lead))
		}
	}
	slices.Sort(seqs)
	changes, err := d.plan.Run.ChangesOf(ctx, slices.Compact(seqs))
	if err != nil || len(changes) == 0 {
		return err
	}
	byGsid := map[string]*gainsight.Goal{}
	byLead := map[string][]*gainsight.Goal{}
	for i := range goals {
		byGsid[goals[i].Gsid] = &goals[i]
		lead := validate.Fold(goals[i].Text(d.cfg.Key.lead()))
		byLead[lead] = append(byLead[lead], &goals[i])
	}
	var results []result
	var found []checkpoint.Candidate
	for i := range changes {
		c := &changes[i]
		if c.Action == string(validate.Create) {
			more, err := d.candidates(c, byLead)
			if err != nil {
				return err
			}
			found = append(found, more...)
			continue
		}
		goal := byGsid[c.Gsid]
		if goal == nil || d.isSeen(c.Seq) {
			continue
		}
		if d.keeping {
			found = append(found, checkpoint.Candidate{Seq: c.Seq, Gsid: goal.Gsid, Sure: true, Doc: docOf(goal)})
			continue
		}
		d.see(c.Seq)
		one := comparison{change: c, goal: goal, of: d.tenant.of, refused: d.tenant.refused, learned: d.learned, onStale: d.cfg.OnStale}
		res, err := one.run()
		if err != nil {
			return err
		}
		res.line = c.Line
		results = append(results, res)
	}
	if err := d.enter(ctx, results); err != nil {
		return err
	}
	return d.plan.Run.AddCandidates(ctx, found)
}

func (d *differ) see(seq int64)         { d.seen[seq/64] |= 1 << (seq % 64) }
func (d *differ) isSeen(seq int64) bool { return d.seen[seq/64]&(1<<(seq%64)) != 0 }

// enter changes the plan of updates as their comparisons say.
func (d *differ) enter(ctx context.Context, results []result) error {
	revisions := make([]checkpoint.Revision, 0, len(results))
	for i := range results {
		res := &results[i]
		if res.equal {
			d.read.Unchanged++
		}
		if res.problem != nil {
			d.problem(&res.revision, res.line, *res.problem)
		}
		if fate := res.revision.Fate; fate != nil {
			d.count(fate.Status, validate.Update)
		}
		revisions = append(revisions, res.revision)
	}
	return d.plan.Run.Revise(ctx, revisions)
}

// problem makes a row invalid for what reading the tenant showed.
func (d *differ) problem(v *checkpoint.Revision, line int, problem validate.Problem) {
	list := []validate.Problem{rowProblem(d.cfg.Source.Table, line, problem)}
	d.plan.Groups.Add(list[0])
	v.Fate, v.Problems = invalidFate(list), storedProblems(list)
}

// count enters in the accounts that a pending row is decided.
func (d *differ) count(status checkpoint.Status, action validate.Action) {
	p := d.plan
	p.Counts.Pending--
	*p.Counts.Of(status)++
	switch action {
	case validate.Create:
		p.Creates--
	case validate.Delete:
		p.Deletes--
	default:
		p.Updates--
	}
}
