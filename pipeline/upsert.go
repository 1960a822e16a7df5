package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
	"gsbatch/readers"
	"gsbatch/validate"
)

// match finds, before the rows are checked for good, which goals of the tenant
// the rows without a Gsid are. Whether a row is a create or an update decides
// what it needs, so the rows are checked once as creates for their keys, the
// tenant is read, and cfg's source then tells what was found. What was read of
// the goals is kept in the run, so that they need not be read again to be
// compared.
func (p *Planned) match(ctx context.Context, cfg *PlanConfig) error {
	if err := p.draft(ctx, cfg.Source); err != nil {
		return err
	}
	if err := cfg.Tenant.IndexCreated(ctx, ""); err != nil { // for what was learned
		return err
	}
	d := &differ{cfg: *cfg, plan: p, read: &Reading{Way: Unread}, tenant: newGoalReader(cfg.Client, cfg.Info.Object, cfg.Reading), keeping: true}
	d.seen = make([]uint64, p.Run.Info().Input.Rows/64+1)
	p.keyed, p.Read = d, d.read
	if err := d.gather(ctx); err != nil {
		return err
	}
	twice, err := d.repeated(ctx)
	if err == nil {
		err = d.readTenant(ctx)
	}
	if err == nil {
		err = p.Run.DropDrafts(ctx)
	}
	if err != nil {
		return err
	}
	d.keeping = false
	d.account()
	cfg.Source.matched = p.matched(ctx, cfg, twice)
	return nil
}

// draft writes the operation of every row, as far as it can be told, into the run.
func (p *Planned) draft(ctx context.Context, src Source) error {
	planner := p.Run.Planner()
	b := batcher{batch: new(checkpoint.Batch)}
	rows := int64(0)
	var op validate.Operation
	err := src.each(ctx, func(seq int64, row *readers.Row) error {
		rows = seq
		if !src.Rows.Has(row.Line) {
			return nil
		}
		if src.Checker.Check(*row, &op); op.Action == "" || len(op.Item) == 0 {
			return nil
		}
		if b.batch.AddDraft(b.op(seq, row.Line, &op)); b.batch.Rows() < planRows {
			return nil
		}
		full := b.batch
		b.batch = new(checkpoint.Batch)
		return planner.Write(ctx, full)
	})
	if err == nil {
		err = planner.Write(ctx, b.batch)
	}
	if err != nil {
		return err
	}
	return p.Run.SetInfo(ctx, func(info *checkpoint.Info) { info.Input.Rows = rows })
}

// repeated are the rows whose whole key an earlier row has too: the line of the
// first by the number of the others. The natural key is the checker's matter.
func (d *differ) repeated(ctx context.Context) (map[int64]int, error) {
	twice := map[int64]int{}
	if len(d.cfg.Key.Fields) == 0 || d.cfg.OnDuplicate == DuplicateCreate {
		return twice, nil
	}
	for seqs := range d.index.groups() {
		if len(seqs) > 1 {
			if err := d.repeatedOf(ctx, seqs, twice); err != nil {
				return nil, err
			}
		}
	}
	return twice, nil
}

func (d *differ) repeatedOf(ctx context.Context, seqs []int64, twice map[int64]int) error {
	changes, err := d.plan.Run.ChangesOf(ctx, seqs)
	if err != nil {
		return err
	}
	first := map[string]int{}
	for i := range changes {
		c := &changes[i]
		if c.Action != string(validate.Create) {
			continue
		}
		p, err := parsePayload(c.Line, c.Item)
		if err != nil {
			return err
		}
		key := ""
		for _, field := range d.cfg.Key.Fields {
			key += validate.Fold(p.Record.text(field)) + "\x00" + validate.Fold(p.Record.text(nameKey(field))) + "\x00"
		}
		if line, known := first[key]; known {
			twice[c.Seq] = line
		} else {
			first[key] = c.Line
		}
	}
	return nil
}

// matched tells the goals that were found, row by row.
func (p *Planned) matched(ctx context.Context, cfg *PlanConfig, twice map[int64]int) func(int64, *readers.Row) (string, *validate.Problem, error) {
	next, stop := iter.Pull2(p.Run.Candidates(ctx))
	p.endMatch = stop
	var found checkpoint.Found
	more := true
	onDuplicate := cfg.OnDuplicate
	return func(seq int64, _ *readers.Row) (string, *validate.Problem, error) {
		for more && found.Seq < seq {
			var err error
			if found, err, more = next(); err != nil {
				return "", nil, err
			}
		}
		if line, again := twice[seq]; again {
			return "", &validate.Problem{Code: "duplicate-key", Message: fmt.Sprintf("line %d has the same key (%s)", line, strings.Join(cfg.Key.Fields, ", ")),
				Mend: "put both changes into one row, or change the key"}, nil
		}
		if !more || found.Seq != seq {
			return "", nil, nil
		}
		gsid, problem := theOne(object(cfg.Info.Object), found.Goals, onDuplicate)
		return gsid, problem, nil
	}
}

// theOne is the goal that a row is, or why that cannot be told.
func theOne(of object, goals []checkpoint.Candidate, onDuplicate OnDuplicate) (string, *validate.Problem) {
	sure, all := gsidsOf(goals)
	switch {
	case len(sure) == 1:
		return sure[0], nil
	case len(sure) > 1:
		return "", &validate.Problem{Code: "ambiguous-key", Message: "several " + of.noun() + "s have the key of this row: " + listed(sure),
			Mend: "give the Gsid of the one that is meant, or --key with further fields"}
	case onDuplicate == DuplicateCreate:
		return "", nil
	}
	return "", &validate.Problem{Code: "namesake", Message: of.noun() + "s of this name are in the tenant (" + listed(all) + "), and whether one has the same parent is not known: it is known by name alone",
		Mend: mendNamesake}
}

// goalDoc is a goal as it is kept with a candidate.
type goalDoc struct {
	Fields map[string]json.RawMessage `json:"fields"`
	CTAs   []json.RawMessage          `json:"ctas,omitempty"`
	SPs    []json.RawMessage          `json:"sps,omitempty"`
}

func docOf(g *gainsight.Goal) string {
	doc, err := json.Marshal(goalDoc{g.Fields, g.CTAs, g.SPs})
	if err != nil {
		return "" // it was read as JSON
	}
	return string(doc)
}

// stored compares updates with the goals that are kept in the run, and marks
// them as seen.
func (d *differ) stored(ctx context.Context) error {
	if d.cfg.Mode != validate.Upsert {
		return nil
	}
	return d.eachFound(ctx, d.storedOf)
}

func (d *differ) storedOf(ctx context.Context, batch []checkpoint.Found) error {
	docs := map[string]string{}
	var seqs []int64
	for _, found := range batch {
		seqs = append(seqs, found.Seq)
		for _, g := range found.Goals {
			docs[g.Gsid] = g.Doc
		}
	}
	changes, err := d.plan.Run.ChangesOf(ctx, seqs)
	if err != nil {
		return err
	}
	changes = slices.DeleteFunc(changes, func(c checkpoint.Change) bool {
		return c.Action != string(validate.Update) || c.Fate.Status != checkpoint.Pending || docs[c.Gsid] == ""
	})
	var results []result
	for i := range changes {
		c := &changes[i]
		var doc goalDoc
		if err := json.Unmarshal([]byte(docs[c.Gsid]), &doc); err != nil {
			return fmt.Errorf("row %d: stored goal: %w", c.Line, err)
		}
		d.see(c.Seq)
		goal := gainsight.Goal{Gsid: c.Gsid, Fields: doc.Fields, CTAs: doc.CTAs, SPs: doc.SPs}
		one := comparison{change: c, goal: &goal, of: d.tenant.of, refused: d.tenant.refused, learned: d.learned, onStale: d.cfg.OnStale}
		res, err := one.run()
		if err != nil {
			return err
		}
		res.line = c.Line
		results = append(results, res)
	}
	return d.enter(ctx, results)
}
