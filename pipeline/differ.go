package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"slices"

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
	Way     Way
	Updates int // rows to be compared with their goals
	Names   int // distinct names of goals to be created, to be searched for
	// Pages is how many calls reading by pages was found to take; with More it is
	// more than that, 0 not looked.
	Pages     int
	More      bool
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
	fields  map[string]bool // of the updates
	refused map[string]bool
	learned map[string]string // parents by the names that the server resolved
	index   []entry           // of the pending rows, by hash: 16 bytes a row
	seen    []uint64          // set of the updates whose goal was read, and of all creates, a bit each
}

// entry finds a row by the hash of its Gsid or, for a create, of its name.
type entry struct {
	hash uint64
	seq  int64
}

func hashOf(kind byte, text string) uint64 {
	sum := sha256.Sum256(append([]byte{kind}, text...))
	return binary.LittleEndian.Uint64(sum[:])
}

func gsidHash(gsid string) uint64 { return hashOf('g', gsid) }
func nameHash(name string) uint64 { return hashOf('n', validate.Fold(name)) }

// compare reads the tenant where the mode and the numbers say so, takes out of
// the plan what the tenant has already, and searches it for the goals that are
// to be created. A plan that will not be sent is not compared.
func (p *Planned) compare(ctx context.Context, cfg PlanConfig) error {
	d := &differ{cfg: cfg, plan: p, read: &Reading{Way: Unread}, fields: map[string]bool{}, refused: map[string]bool{}}
	p.Read = d.read
	if p.HeaderErrors > 0 || p.Counts.Invalid > 0 && !cfg.SkipInvalid {
		return d.finish(ctx)
	}
	if err := d.gather(ctx); err != nil {
		return err
	}
	before := cfg.Client.Calls()["goals.fetch"]
	if at := cfg.Client.ServerTime(); !at.IsZero() {
		d.read.At = at.UnixMilli()
	}
	err := d.readTenant(ctx)
	d.read.Calls = cfg.Client.Calls()["goals.fetch"] - before
	if err != nil {
		return err
	}
	return d.finish(ctx)
}

// searches says whether creates are to be searched for in the tenant.
func (d *differ) searches() bool { return !d.cfg.Again && d.cfg.OnDuplicate != DuplicateCreate }

// gather indexes the pending rows and learns which fields their updates have.
func (d *differ) gather(ctx context.Context) error {
	var err error
	if d.learned, err = d.cfg.Tenant.LearnedParents(ctx); err != nil {
		return err
	}
	d.seen = make([]uint64, d.plan.Counts.Rows/64+1)
	for op, err := range d.plan.Run.PendingOps(ctx) {
		if err != nil {
			return err
		}
		create := op.Action == string(validate.Create)
		if create && !d.searches() {
			continue
		}
		var item struct {
			Record map[string]json.RawMessage `json:"record"`
		}
		if err := json.Unmarshal([]byte(op.Item), &item); err != nil {
			return err
		}
		if create {
			d.see(op.Seq)
			d.index = append(d.index, entry{nameHash(textOf(item.Record["Name"])), op.Seq})
			continue
		}
		d.read.Updates++
		d.index = append(d.index, entry{gsidHash(op.Gsid), op.Seq})
		for _, key := range lookupKeys(op.Lookups) {
			delete(item.Record, key)
		}
		for field := range item.Record {
			if !d.fields[field] && !unreadable(field) {
				d.fields[field] = true
			}
		}
	}
	slices.SortFunc(d.index, func(a, b entry) int {
		switch {
		case a.hash != b.hash && a.hash < b.hash, a.hash == b.hash && a.seq < b.seq:
			return -1
		}
		return 1
	})
	distinct := 0
	for i := range d.index {
		if i == 0 || d.index[i].hash != d.index[i-1].hash {
			distinct++
		}
	}
	d.read.Names = distinct - d.read.Updates // a Gsid stands in one row alone
	return nil
}

// rows are the seqs of the rows with that hash.
func (d *differ) rows(into []int64, hash uint64) []int64 {
	at, _ := slices.BinarySearchFunc(d.index, hash, func(e entry, h uint64) int {
		switch {
		case e.hash < h:
			return -1
		case e.hash > h:
			return 1
		}
		return 0
	})
	for ; at < len(d.index) && d.index[at].hash == hash; at++ {
		into = append(into, d.index[at].seq)
	}
	return into
}

// columns are the fields to read.
func (d *differ) columns() []string {
	list := []string{"Gsid", "Name", "EntityType", "ModifiedDate", "ModifiedById"}
	for _, field := range parentFields() {
		list = append(list, field)
	}
	for field := range d.fields {
		if !slices.Contains(list, field) {
			list = append(list, field)
		}
	}
	slices.Sort(list)
	return slices.DeleteFunc(list, func(field string) bool { return d.refused[field] })
}

// batchGoals is how many goals are compared in one go.
const batchGoals = 500

// goals enters goals that were read: updates of them are compared, creates of
// their names get candidates.
func (d *differ) goals(ctx context.Context, goals []gainsight.Goal) error {
	var seqs []int64
	for i := range goals {
		seqs = d.rows(seqs, gsidHash(goals[i].Gsid))
		seqs = d.rows(seqs, nameHash(goals[i].Text("Name")))
	}
	slices.Sort(seqs)
	changes, err := d.plan.Run.ChangesOf(ctx, slices.Compact(seqs))
	if err != nil || len(changes) == 0 {
		return err
	}
	byGsid := map[string]*gainsight.Goal{}
	byName := map[string][]*gainsight.Goal{}
	for i := range goals {
		byGsid[goals[i].Gsid] = &goals[i]
		name := validate.Fold(goals[i].Text("Name"))
		byName[name] = append(byName[name], &goals[i])
	}
	var results []result
	var found []checkpoint.Candidate
	for i := range changes {
		c := &changes[i]
		if c.Action == string(validate.Create) {
			more, err := d.candidates(c, byName)
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
		d.see(c.Seq)
		one := comparison{change: c, goal: goal, refused: d.refused, learned: d.learned, onStale: d.cfg.OnStale}
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
	if action == validate.Create {
		p.Creates--
	} else {
		p.Updates--
	}
}
