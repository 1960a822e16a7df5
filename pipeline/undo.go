package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
	"gsbatch/validate"
)

// UndoConfig is what Undo needs.
type UndoConfig struct {
	Folder  *checkpoint.Folder
	Info    checkpoint.Info // of the new run: ID, Command and all else that the caller knows
	Holder  checkpoint.Holder
	Of      *checkpoint.Run // the run to be undone
	Client  *gainsight.Client
	Reading func(goals int) // may be nil: told how many goals were read
}

// Undone is the plan of an undo, held by this process.
type Undone struct {
	Run    *checkpoint.Run
	Counts checkpoint.Counts
	Calls  int // of reading
}

// undoHeader are the cells of the rows of an undo.
func undoHeader() []string { return []string{"Gsid", "Name"} }

// undoAside is the Op.Aside of a row to be undone: how its goal must be found
// for nobody to have edited it since.
type undoAside struct {
	Sent  map[string]json.RawMessage `json:"sent"`  // fields, as they were sent
	Until int64                      `json:"until"` // server time of the answer, epoch milliseconds, 0 unknown
	Kept  []string                   `json:"kept"`  // fields that stay as they are, since they cannot be read
}

// Undo makes a run that takes back the updates of another: only the fields that
// it changed, to what they were before, with associations inverted; and only of
// goals that nobody edited since, for which every goal concerned is read. The
// rows have the lines of the run that is undone. What cannot be undone is
// skipped with its reason: goals that were created, updates whose goals were
// not read before, and of the others metric values and what else cannot be read.
func Undo(ctx context.Context, cfg UndoConfig) (*Undone, error) {
	cfg.Info.Header = undoHeader()
	cfg.Info.OnStale = string(StaleSkip)
	run, err := cfg.Folder.Create(ctx, cfg.Info, cfg.Holder)
	if err != nil {
		return nil, err
	}
	u := &undoing{cfg: cfg, run: run, batch: new(checkpoint.Batch), reader: newGoalReader(cfg.Client, cfg.Info.Object, cfg.Reading)}
	err = u.plan(ctx)
	if err == nil {
		u.counts, err = run.Counts(ctx)
	}
	if err == nil {
		err = run.SetInfo(ctx, func(info *checkpoint.Info) { info.State, info.Counts = checkpoint.Planned, u.counts })
	}
	if err != nil {
		return nil, discard(run, err)
	}
	return &Undone{Run: run, Counts: u.counts, Calls: u.reader.calls()}, nil
}

// undoing is one execution of Undo.
type undoing struct {
	cfg    UndoConfig
	run    *checkpoint.Run
	reader *goalReader
	batch  *checkpoint.Batch
	rows   int64
	user   string // who wrote for the run that is undone, "" unknown
	index  rowIndex
	counts checkpoint.Counts
}

func (u *undoing) plan(ctx context.Context) error {
	var err error
	if u.user, err = u.cfg.Of.User(ctx); err != nil {
		return err
	}
	planner := u.run.Planner()
	for c, err := range u.cfg.Of.Changes(ctx) {
		if err == nil {
			err = u.add(&c)
		}
		if err == nil && u.batch.Rows() >= planRows {
			err = planner.Write(ctx, u.batch)
			u.batch = new(checkpoint.Batch)
		}
		if err != nil {
			return err
		}
	}
	if err := planner.Write(ctx, u.batch); err != nil {
		return err
	}
	at := u.cfg.Client.ServerTime()
	err = u.run.SetInfo(ctx, func(info *checkpoint.Info) {
		info.Input.Rows = u.rows
		if !at.IsZero() {
			info.ReadAt = at.UnixMilli()
		}
	})
	if err != nil || u.index.rows == 0 {
		return err
	}
	u.index.sort()
	if err := u.read(ctx); err != nil {
		return err
	}
	return u.gone(ctx)
}

// add plans what is to be done for a row of the run that is undone.
func (u *undoing) add(c *checkpoint.Change) error {
	why := ""
	switch c.Fate.Status {
	case checkpoint.Created:
		why = "it was created, and an undo deletes nothing"
		if object(u.cfg.Info.Object).isGoals() {
			why = "it was created, and the API deletes no goal"
		}
	case checkpoint.Deleted:
		why = "it was deleted: a new one would have another Gsid"
	case checkpoint.Updated:
		if c.Before == nil {
			why = "what it was before was not read (--diff always reads it)"
		}
	case checkpoint.InDoubt, checkpoint.Parked:
		why = "whether its call was carried out is not known"
	default:
		return nil
	}
	p, err := parsePayload(c.Line, c.Item)
	if err != nil {
		return err
	}
	name, gsid := p.Record.name(), c.Fate.Gsid
	if c.Action == string(validate.Delete) && c.Before != nil {
		var was image
		if err := json.Unmarshal([]byte(c.Before.Doc), &was); err != nil {
			return fmt.Errorf("row %d: before-image: %w", c.Line, err)
		}
		name = was.Name
	}
	if gsid == "" {
		gsid = c.Gsid
	}
	var inverse payload
	var expected undoAside
	var lost []string
	if why == "" {
		var before image
		if err := json.Unmarshal([]byte(c.Before.Doc), &before); err != nil {
			return fmt.Errorf("row %d: before-image: %w", c.Line, err)
		}
		name = before.Name
		inverse, expected, lost = invert(c, &p, before)
		if inverse.idle() {
			why = "it cannot be read back what it was: " + strings.Join(lost, ", ")
		}
	}
	u.put(c.Line, gsid, name, inverse, expected, lost, why)
	return nil
}

// put adds a row to the plan; why, if it is not "", says why it cannot be undone.
func (u *undoing) put(line int, gsid, name string, inverse payload, expected undoAside, lost []string, why string) {
	u.rows++
	op := &checkpoint.Op{Seq: u.rows, Line: line, Action: string(validate.Update), Gsid: gsid}
	var fate *checkpoint.Fate
	if why != "" {
		inverse = payload{Record: members{{"Gsid", quoted(gsid)}, {"Name", quoted(name)}}}
		fate = &checkpoint.Fate{Status: checkpoint.Skipped, Gsid: gsid, Code: "cannot-undo", Reason: why}
	} else {
		u.index.add(gsidHash(gsid), u.rows)
		expected.Kept = lost
		doc, err := json.Marshal(expected)
		if err == nil { // raw JSON that was read as such always marshals
			op.Aside = string(doc)
		}
	}
	op.Item = inverse.item()
	op.Hash = validate.PayloadHash(u.cfg.Info.Object, validate.Update, gsid, op.Item, "")
	u.batch.Add(u.rows, line, []checkpoint.Cell{{Text: gsid}, {Text: name}}, op, fate, nil)
}

func quoted(text string) json.RawMessage {
	return gainsight.String(text).AppendJSON(nil)
}

// invert is the update that takes c back, how its goal must be found, and what
// of it cannot be taken back.
func invert(c *checkpoint.Change, p *payload, before image) (inverse payload, expected undoAside, lost []string) {
	expected = undoAside{Sent: map[string]json.RawMessage{}, Until: c.Fate.Server}
	for _, m := range p.Record {
		old, read := before.Fields[m.name]
		switch {
		case isGsidField(m.name):
			inverse.Record = append(inverse.Record, m)
		case read:
			inverse.Record = append(inverse.Record, member{m.name, sendable(m.name, old)})
			expected.Sent[m.name] = m.raw
		default:
			lost = append(lost, m.name)
		}
	}
	inverse.Association, inverse.Dissociation = p.Dissociation, p.Association
	inverse.types = types{Add: p.Off, AddNames: p.OffNames, Off: p.Add, OffNames: p.AddNames}
	return inverse, expected, lost
}

// sendable is a value that was read, in the form in which it is sent.
func sendable(field string, read json.RawMessage) json.RawMessage {
	text := textOf(read)
	if field != "DueDate" || text == "" {
		return read
	}
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil && isNumber(read) {
		if ms < 1e9 { // the days of a template
			return read
		}
		return quoted(time.UnixMilli(ms).UTC().Format(time.DateOnly))
	}
	if len(text) > len(time.DateOnly) && sameDay(text[:len(time.DateOnly)], text, false) {
		return quoted(text[:len(time.DateOnly)])
	}
	return read
}

// read reads the goals concerned, by pages or one by one, whichever takes fewer calls.
func (u *undoing) read(ctx context.Context) error {
	for c, err := range u.run.Changes(ctx) {
		if err != nil {
			return err
		}
		for field := range expectedOf(&c).Sent {
			u.reader.want(field)
		}
	}
	do := func(goals []gainsight.Goal) error { return u.goals(ctx, goals) }
	more, err := u.reader.pages(ctx, u.index.rows, do)
	if err != nil || !more {
		return err
	}
	for seq := range u.index.all() {
		changes, err := u.run.ChangesOf(ctx, []int64{seq})
		if err != nil {
			return err
		}
		if err := u.reader.each(ctx, equal("Gsid", changes[0].Gsid), do); err != nil {
			return err
		}
	}
	return nil
}

func expectedOf(c *checkpoint.Change) undoAside {
	var expected undoAside
	if c.Aside != "" {
		_ = json.Unmarshal([]byte(c.Aside), &expected) // as put wrote it
	}
	return expected
}

// goals looks at goals that were read: those that somebody edited are stale.
func (u *undoing) goals(ctx context.Context, goals []gainsight.Goal) error {
	seqs, byGsid := u.index.of(goals)
	changes, err := u.run.ChangesOf(ctx, seqs)
	if err != nil {
		return err
	}
	var revisions []checkpoint.Revision
	for i := range changes {
		g := byGsid[changes[i].Gsid]
		if g == nil {
			continue
		}
		v, err := u.revise(&changes[i], g)
		if err != nil {
			return err
		}
		revisions = append(revisions, v)
	}
	return u.run.Revise(ctx, revisions)
}

// revise compares a goal with what the undone run left, and keeps what it is now.
func (u *undoing) revise(c *checkpoint.Change, g *gainsight.Goal) (checkpoint.Revision, error) {
	v := checkpoint.Revision{Seq: c.Seq}
	now := image{Name: g.Text("Name"), Fields: map[string]json.RawMessage{}}
	expected := expectedOf(c)
	var edited []string
	for field, sent := range expected.Sent {
		if u.reader.refused[field] || !sameValue(field, sent, g.Fields[field]) {
			edited = append(edited, field)
		}
		if now.Fields[field] = json.RawMessage("null"); g.Text(field) != "" {
			now.Fields[field] = slices.Clone(g.Fields[field])
		}
	}
	slices.Sort(edited)
	modified, known := millis(g, "ModifiedDate")
	doc, err := json.Marshal(now)
	v.Before = &checkpoint.Before{Modified: modified, ModifiedBy: g.Text("ModifiedById"), Doc: string(doc)}
	switch {
	case len(edited) > 0:
		v.Fate = editedFate(c.Gsid, "its "+strings.Join(edited, ", ")+" is not what the run wrote", modified, g)
	case u.user != "" && g.Text("ModifiedById") != "" && g.Text("ModifiedById") != u.user:
		v.Fate = editedFate(c.Gsid, "the run wrote as "+u.user, modified, g)
	case known && expected.Until > 0 && modified > expected.Until+clockSlack.Milliseconds():
		v.Fate = editedFate(c.Gsid, "the run wrote it at "+clock(expected.Until), modified, g)
	}
	return v, err
}

func editedFate(gsid, why string, modified int64, g *gainsight.Goal) *checkpoint.Fate {
	return &checkpoint.Fate{Status: checkpoint.Stale, Gsid: gsid, Field: "ModifiedDate", Code: "edited-since",
		Reason: fmt.Sprintf("somebody edited it since, last at %s%s: %s", clock(modified), by(g.Text("ModifiedById")), why)}
}

// gone skips the rows whose goals were not found.
func (u *undoing) gone(ctx context.Context) error {
	var revisions []checkpoint.Revision
	for c, err := range u.run.Changes(ctx) {
		if err != nil {
			return err
		}
		if c.Fate.Status == checkpoint.Pending && c.Before == nil {
			revisions = append(revisions, checkpoint.Revision{Seq: c.Seq, Fate: &checkpoint.Fate{Status: checkpoint.Skipped, Gsid: c.Gsid,
				Code: "cannot-undo", Reason: object(u.cfg.Info.Object).gone(c.Gsid)}})
		}
	}
	return u.run.Revise(ctx, revisions)
}
