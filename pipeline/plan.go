package pipeline

import (
	"context"
	"fmt"
	"strings"
	"unsafe"

	"golang.org/x/sync/errgroup"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
	"gsbatch/readers"
	"gsbatch/validate"
)

// OnDuplicate says what becomes of a create whose natural key an earlier run
// created with another payload.
type OnDuplicate string

// The choices of --on-duplicate.
const (
	DuplicateError  OnDuplicate = "error"
	DuplicateSkip   OnDuplicate = "skip"
	DuplicateCreate OnDuplicate = "create"
)

// PlanConfig is what Plan needs.
type PlanConfig struct {
	Folder *checkpoint.Folder
	Tenant *checkpoint.Tenant
	Info   checkpoint.Info // ID, Command and all else that the caller knows
	// SHA256, which may be nil, is asked for the hash of the input when its rows were read.
	SHA256      func() (string, error)
	Holder      checkpoint.Holder
	Source      Source
	SkipInvalid bool
	OnDuplicate OnDuplicate
	Again       bool             // do not look at what earlier runs created
	Progress    func(rows int64) // may be nil

	// Client, which may be nil, reads the tenant, for the plan to be compared
	// with what it holds, as Diff says.
	Client  *gainsight.Client
	Diff    DiffMode
	OnStale OnStale
	Reading func(goals int) // may be nil: told how many goals were read
	Mode    validate.Mode   // that the checker goes by; Upsert needs Client
	Key     Key
	// Amend, which may be nil, is a run that went in with a wrong mapping: rows
	// that it created are planned as updates of their goals. It must stay open
	// while Plan works.
	Amend *checkpoint.Run

	lasting bool // rows are read whose texts last, for a test to compare with
}

// Planned is a run with its plan, held by this process.
type Planned struct {
	Run *checkpoint.Run
	Findings
	Ready bool     // false: invalid rows forbid sending any
	Read  *Reading // what was read of the tenant; nil: the plan was not compared

	leads    leads   // of its creates, where they are to be searched for
	keyed    *differ // that found the goals of the rows, under Upsert
	endMatch func()  // ends the walk over what it found
}

// planRows is how many rows go into the checkpoint in one transaction.
const planRows = 1024

// Plan makes a run from the source: what is to be done for each row, or what is
// wrong with it. After an error nothing of the run remains.
func Plan(ctx context.Context, cfg PlanConfig) (*Planned, error) {
	cfg.Info.OnDuplicate, cfg.Info.Again, cfg.Info.OnStale = string(cfg.OnDuplicate), cfg.Again, string(cfg.OnStale)
	cfg.Source.Compared = cfg.Client != nil && cfg.Diff != DiffNever
	if cfg.Source.Tenant = cfg.Tenant; cfg.Again || cfg.Amend != nil {
		cfg.Source.Tenant = nil
	}
	cfg.Source.done, cfg.Source.fleeting = newDoneRows(&cfg.Source), !cfg.lasting
	run, err := cfg.Folder.Create(ctx, cfg.Info, cfg.Holder)
	if err != nil {
		return nil, err
	}
	plan := &Planned{Run: run}
	switch {
	case cfg.Amend != nil:
		err = plan.amend(ctx, &cfg)
	case cfg.Mode == validate.Upsert:
		err = plan.match(ctx, &cfg)
	}
	if err == nil {
		err = plan.fill(ctx, cfg)
	}
	if plan.endMatch != nil {
		plan.endMatch()
	}
	if err == nil && !cfg.Again {
		err = plan.matchCreated(ctx, cfg)
	}
	if err == nil && cfg.Source.Compared {
		if err = plan.compare(ctx, cfg); err != nil {
			err = fmt.Errorf("compare with the tenant (--diff never plans without): %w", err)
		}
	}
	if err == nil {
		err = plan.seal(ctx, cfg)
	}
	if err != nil {
		return nil, discard(run, err)
	}
	return plan, nil
}

// seal makes the run a plan.
func (p *Planned) seal(ctx context.Context, cfg PlanConfig) error {
	sum := ""
	if cfg.SHA256 != nil {
		var err error
		if sum, err = cfg.SHA256(); err != nil {
			return err
		}
	}
	p.Ready = p.HeaderErrors == 0 && (p.Counts.Invalid == 0 || cfg.SkipInvalid)
	return p.Run.SetInfo(ctx, func(info *checkpoint.Info) {
		info.State, info.Counts = checkpoint.Planned, p.Counts
		info.ValueMaps = p.Groups.ValueMaps()
		if sum != "" {
			info.Input.SHA256 = sum
			if info.Input.Workbook != nil {
				info.Input.Workbook.SHA256 = sum
			}
		}
		if p.Read != nil {
			info.Calls.Saved, info.ReadAt = p.Read.Unchanged, p.Read.At
		}
	})
}

func discard(run *checkpoint.Run, err error) error {
	if failed := run.Discard(); failed != nil {
		return fmt.Errorf("%w (and its unfinished plan could not be removed: %w)", err, failed)
	}
	return err
}

// fill reads and checks in one goroutine, hashes in a second and writes to the
// checkpoint in a third.
func (p *Planned) fill(ctx context.Context, cfg PlanConfig) error {
	lead := "" // field by which creates are searched for, "": they are not
	if cfg.leads() {
		lead = cfg.Key.lead()
	}
	g, both := errgroup.WithContext(ctx)
	batches, hashed, spare := make(chan *checkpoint.Batch, 1), make(chan *checkpoint.Batch, 1), make(chan *checkpoint.Batch, 8)
	g.Go(func() error {
		planner := p.Run.Planner()
		for batch := range hashed {
			if err := planner.Write(both, batch); err != nil {
				return err
			}
			batch.Reset()
			spare <- batch // there are fewer of them than there is room
		}
		return nil
	})
	g.Go(func() error { return p.hash(both, cfg.Info.Object, lead, batches, hashed) })
	g.Go(func() error {
		defer close(batches)
		b := batcher{out: batches, spare: spare, batch: new(checkpoint.Batch), done: cfg.Source.done}
		b.batch.AddHeaderProblems(storedProblems(cfg.Source.Checker.HeaderProblems()))
		found, err := cfg.Source.walk(both, cfg.Progress, func(seq int64, row *readers.Row, op *validate.Operation, problems []validate.Problem) error {
			return b.add(both, seq, row, op, problems)
		})
		p.Findings = found
		if err != nil {
			return err
		}
		return b.flush(both)
	})
	if err := g.Wait(); err != nil {
		return err
	}
	return p.Run.SetInfo(ctx, func(info *checkpoint.Info) {
		info.Input.Rows = int64(p.Counts.Rows)
		if w := info.Input.Workbook; w != nil && w.Cells == 0 { // of a retry it is the first run's
			w.Cells = info.Input.Rows * int64(len(w.Columns))
		}
	})
}

// hash hashes the operations of batches, and passes these on.
func (p *Planned) hash(ctx context.Context, object, lead string, batches <-chan *checkpoint.Batch, hashed chan<- *checkpoint.Batch) error {
	defer close(hashed)
	for batch := range batches {
		hashPayloads(object, batch.Ops())
		if err := p.leads.addAll(batch.Ops(), lead); err != nil {
			return err
		}
		select {
		case hashed <- batch:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// hashPayloads fills in the hashes of operations.
func hashPayloads(object string, ops []checkpoint.Op) {
	for i := range ops {
		op := &ops[i]
		op.Hash = validate.PayloadHash(object, validate.Action(op.Action), op.Gsid, op.Item, op.Lookups)
	}
}

// batcher turns checked rows into batches. What it keeps of a row are copies:
// readers and checkers use their memory again.
type batcher struct {
	out   chan<- *checkpoint.Batch
	spare <-chan *checkpoint.Batch // that were written
	batch *checkpoint.Batch
	cells []checkpoint.Cell
	done  *doneRows

	shared    map[string]string // lookups that many rows have
	lookups   string            // of them, those of the last row
	lookupsAt *byte             // where that row had them; what stands there never changes

	planned checkpoint.Op // the last one
}

// maxShared bounds the memory of shared.
const maxShared = 10_000

func (b *batcher) add(ctx context.Context, seq int64, row *readers.Row, op *validate.Operation, problems []validate.Problem) error {
	b.cells = b.cells[:0]
	for _, c := range row.Cells {
		b.cells = append(b.cells, checkpoint.Cell{Text: c.Text, Kind: uint8(c.Kind)})
	}
	planned, fate := (*checkpoint.Op)(nil), (*checkpoint.Fate)(nil)
	switch {
	case op != nil && op.Action == validate.Nothing:
		fate = &checkpoint.Fate{Status: checkpoint.Unchanged, Gsid: strings.Clone(op.Gsid), Reason: b.done.why()}
	case op != nil:
		planned = b.op(seq, row.Line, op)
	case len(problems) > 0:
		fate = invalidFate(problems)
	default:
		fate = &checkpoint.Fate{Status: checkpoint.Skipped, Reason: "left out by --rows"}
	}
	b.batch.Add(seq, row.Line, b.cells, planned, fate, storedProblems(problems))
	if b.batch.Rows() < planRows {
		return nil
	}
	return b.flush(ctx)
}

func (b *batcher) flush(ctx context.Context) error {
	if b.batch.Empty() {
		return nil
	}
	select {
	case b.out <- b.batch:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case b.batch = <-b.spare:
	default:
		b.batch = new(checkpoint.Batch)
	}
	return nil
}

// op is the operation but for its hash, valid until the next.
func (b *batcher) op(seq int64, line int, op *validate.Operation) *checkpoint.Op {
	b.planned = checkpoint.Op{
		Seq: seq, Line: line, Action: string(op.Action), Gsid: strings.Clone(op.Gsid), Item: unsafe.String(unsafe.SliceData(op.Item), len(op.Item)), // which the batch copies
		Lookups: b.sharedLookups(op.Lookups), Names: op.ServerNames, Key: op.Key, Modified: op.ModifiedDate, Aside: asideOf(op),
	}
	return &b.planned
}

// sharedLookups is a copy of lookups, the same one for equal ones. Nearly all
// rows have those of the row before, by their place in memory.
func (b *batcher) sharedLookups(lookups []byte) string {
	if len(lookups) == 0 {
		return ""
	}
	if b.lookupsAt == &lookups[0] {
		return b.lookups
	}
	copied, known := b.shared[string(lookups)]
	if !known {
		if copied = string(lookups); b.shared == nil || len(b.shared) > maxShared {
			b.shared = map[string]string{}
		}
		b.shared[copied] = copied
	}
	b.lookupsAt, b.lookups = &lookups[0], copied
	return copied
}

func storedProblems(problems []validate.Problem) []checkpoint.Problem {
	if len(problems) == 0 {
		return nil
	}
	stored := make([]checkpoint.Problem, len(problems))
	for i, p := range problems {
		stored[i] = checkpoint.Problem{Place: p.Place.String(), Field: p.Field, Code: p.Code,
			Value: strings.Clone(p.Value), Message: p.Message, Mend: p.Mend, Warning: p.Warning}
	}
	return stored
}

// invalidFate sums a row's errors up for the reports: the first field and code,
// and every reason with its place.
func invalidFate(problems []validate.Problem) *checkpoint.Fate {
	fate := &checkpoint.Fate{Status: checkpoint.Invalid}
	var reasons []string
	for _, p := range problems {
		if p.Warning {
			continue
		}
		if len(reasons) == 0 {
			fate.Field, fate.Code = p.Field, p.Code
		}
		reason := p.Place.String() + ": " + p.Message
		if p.Mend != "" {
			reason += "; " + p.Mend
		}
		reasons = append(reasons, reason)
	}
	fate.Reason = strings.Join(reasons, " | ")
	return fate
}
