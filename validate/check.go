package validate

import (
	"crypto/sha256"
	"hash/maphash"
	"strconv"

	"gsbatch/gainsight"
	"gsbatch/readers"
)

// state is what a row says about a field.
type state uint8

const (
	absent  state = iota // nothing: no column, or a blank cell
	present              // a value
	cleared              // the clear token
	bad                  // something that was told as a problem
)

// work is the row that is being checked. Its buffers are used again for the next.
type work struct {
	*Checker
	row      readers.Row
	op       *Operation
	creating bool
	anew     bool // as a create, whatever Gsid the row has; see CheckAnew
	problems []Problem

	item      gainsight.Item
	fields    int // of the record
	buf       []byte
	status    choice
	typ       choice
	name      string
	named     state
	entity    string
	placed    state // of entity
	relType   string
	parents   [3]parent   // company, relationship, opportunity
	states    [5]state    // of the parents, and of relationship type and template
	used      uint64      // set of Checker.lookups
	askNames  []askedName // that only the server can resolve
	asked     []byte      // scratch: the same as a text
	links     [4][]string // CTA, SP, and the same to remove
	list      []string
	measures  []gainsight.MetricAssociation
	removed   []string
	typeLists [2]typeList // to associate with a metric, and to dissociate
	recalled  [3]recall   // of statuses, goal types and metrics
	fits      fitting
	counted   bool // a scout counted the row's names
	scouting  bool // a problem need not be told, only noticed
}

// Indexes of work.states.
const (
	companyState = iota
	relationshipState
	opportunityState
	relationshipTypeState
	templateState
)

// choice is an item of a picklist that a row names.
type choice struct {
	state state
	index int // in names.items; -1 where the picklist is not known
}

// parent is the record that a goal belongs to: by id, or by name where no id is known.
type parent struct{ id, name string }

// Check turns a row into an operation and returns all that is wrong with it.
// Where a problem is no warning, op must not be carried out. The problems, and
// the slices and strings of op, are valid until the next Check.
func (c *Checker) Check(row readers.Row, op *Operation) []Problem {
	return c.check(row, "", op)
}

// CheckUpdate checks a row without a Gsid as an update of the record gsid, as
// an upsert that found the record wants it.
func (c *Checker) CheckUpdate(row readers.Row, gsid string, op *Operation) []Problem {
	return c.check(row, gsid, op)
}

// CheckAnew checks a row that has a Gsid as if it had none: op.Key and its hash are
// then those of the create that may have made the record. The row is not remembered among
// those that the rows to come must differ from.
func (c *Checker) CheckAnew(row readers.Row, op *Operation) []Problem {
	c.work.anew = true
	defer func() { c.work.anew = false }()
	return c.check(row, "", op)
}

func (c *Checker) check(row readers.Row, gsid string, op *Operation) []Problem {
	w := &c.work
	w.reset(row, op)
	switch {
	case !w.action(gsid):
	case op.Action == Delete:
		w.finishDelete()
	default:
		w.contents()
		w.finish()
	}
	return w.problems
}

// contents reads what the row says of its record. A scout stops at the first
// doubt.
func (w *work) contents() {
	for i := range w.bindings {
		b := &w.bindings[i]
		if b.quick && w.quickly(b) {
			continue
		}
		if w.bound(b); w.scouting && len(w.problems) > 0 {
			return
		}
	}
	w.linkConflicts()
	w.measure()
	w.readModified()
	if w.creating {
		w.complete()
	}
	w.togetherQuickly()
}

// reset forgets the row before.
func (w *work) reset(row readers.Row, op *Operation) {
	*op = Operation{Item: op.Item[:0], Compare: op.Compare[:0], Inactive: op.Inactive[:0]}
	w.row, w.op = row, op
	w.problems = w.problems[:0]
	w.item.Record, w.fields = w.item.Record[:0], 0
	w.item.Associate, w.item.Dissociate = gainsight.Links{}, gainsight.Links{}
	w.item.Beside = w.item.Beside[:0]
	w.typeLists = [2]typeList{}
	w.status, w.typ = choice{index: -1}, choice{index: -1}
	w.name, w.named = "", absent
	w.entity, w.placed = "", absent
	w.relType = ""
	w.parents, w.states = [3]parent{}, [5]state{}
	w.used = 0
	w.askNames = w.askNames[:0]
	for i := range w.links {
		w.links[i] = w.links[i][:0]
	}
	w.measures, w.removed = w.measures[:0], w.removed[:0]
}

// action decides what the row does by its Gsid and the mode. It is false where
// that cannot be told.
func (w *work) action(gsid string) bool {
	given, st := gsid, present
	if gsid == "" {
		given, st = w.reference(w.gsid, "Gsid", w.schema.prefix)
	}
	noun := w.schema.noun
	switch {
	case w.anew:
		st = absent
	case st == bad:
		return false
	case w.cfg.Mode == DeleteOnly && st == present:
		w.op.Action, w.op.Gsid = Delete, given
		return true
	case w.cfg.Mode == DeleteOnly:
		w.problem(w.gsid, "", "required", "Gsid is blank: which "+noun+" is to be deleted is not said", "give the "+noun+"'s Gsid, or take the row out")
		return false
	case st == cleared:
		w.problem(w.gsid, "", "cannot-clear", "Gsid cannot be cleared", "leave the cell blank to create a "+noun)
		return false
	case st == absent && w.cfg.Mode == UpdateOnly:
		w.problem(w.gsid, "", "required", "Gsid is blank, and --mode update creates nothing", "give the "+noun+"'s Gsid, or use --mode auto")
		return false
	case st == present && w.cfg.Mode == CreateOnly && gsid == "":
		w.problem(w.gsid, given, "gsid-in-create", "the row has the Gsid "+quote(given)+", and --mode create updates nothing", "clear the Gsid to create another "+noun+", or use --mode auto")
		return false
	}
	w.creating = st == absent
	w.op.Action = Create
	if !w.creating {
		w.op.Action, w.op.Gsid = Update, given
		w.put(w.schema.gsid, gainsight.String(given))
	}
	return true
}

// put adds a key to the record. A scout sends none, and counts them.
func (w *work) put(name string, v gainsight.Value) {
	if w.fields++; w.scouting {
		return
	}
	w.item.Record = append(w.item.Record, gainsight.Field{Name: name, Value: v})
}

// bound reads one field of the row into the record.
func (w *work) bound(b *binding) {
	f := b.field
	switch f.kind {
	case textKind:
		w.text(b)
	case richKind:
		w.rich(b)
	case statusKind:
		w.status = w.pick(b, w.statuses)
	case goalTypeKind:
		w.typ = w.pick(b, w.types)
	case entityKind:
		w.entityType(b)
	case parentKind:
		w.parent(b)
	case referenceKind:
		w.placing(b)
	case dateKind:
		w.date(b)
	case daysKind:
		w.days(b)
	case unitKind:
		w.unit(b)
	case metricsKind, removeMetricsKind:
		w.metricList(b)
	case typesKind:
		w.goalTypes(b)
	case listKind:
		w.gsidList(b)
	case associateKind, dissociateKind:
		w.link(b)
	case customKind:
		w.custom(b)
	}
}

// finish seals the operation: its item, lookups, key and hash.
func (w *work) finish() {
	op := w.op
	op.Name = w.name
	if w.nothingToDo() {
		op.Action = Nothing
		if !failed(w.problems) {
			w.problem(nil, "", "nothing-to-do", "the row changes nothing: all its cells are blank but for its Gsid", "fill in what is to be changed, or leave the row out")
			w.problems[len(w.problems)-1].Warning = true
		}
	}
	op.Item = w.item.AppendJSON(op.Item[:0])
	op.Lookups = w.lookupsJSON()
	w.countNames()
	op.ServerNames = w.serverNames()
	w.identify()
}

// finishDelete seals the deletion of a record.
func (w *work) finishDelete() {
	op := w.op
	op.Item = gainsight.String(op.Gsid).AppendJSON(op.Item[:0])
	w.identify()
}

// PayloadHash tells operations of other content apart: it is of the action, the
// Gsid, the item and the lookups.
func PayloadHash[T []byte | string](object string, action Action, gsid string, item, lookups T) (hash [16]byte) {
	var room [1024]byte
	buf := room[:0]
	if object != "" && object != "goals" { // whose hashes are older than other objects
		buf = append(append(buf, object...), 0)
	}
	buf = append(append(append(buf, action...), 0), gsid...)
	buf = append(append(buf, 0), item...)
	buf = append(append(buf, 0), lookups...)
	sum := sha256.Sum256(buf)
	copy(hash[:], sum[:])
	return hash
}

// nothingToDo reports whether the row is an update of no field.
func (w *work) nothingToDo() bool {
	return w.op.Action == Update && w.fields == 1 && w.nothingLinked()
}

func (w *work) nothingLinked() bool {
	for _, l := range w.links {
		if len(l) > 0 {
			return false
		}
	}
	return len(w.item.Beside) == 0
}

func failed(problems []Problem) bool {
	for i := range problems {
		if !problems[i].Warning {
			return true
		}
	}
	return false
}

// identify finds the row's natural key, or its Gsid, among the rows before.
func (w *work) identify() {
	hash, ok := w.identity()
	if !ok {
		return
	}
	what := "the Gsid " + w.op.Gsid
	if w.creating {
		sum := sha256.Sum256(w.buf)
		copy(w.op.Key[:], sum[:])
		if w.cfg.AllowDuplicates || w.anew {
			return
		}
		what = "a goal of the same name, entity and parent"
		if !w.schema.placed {
			what = "a " + w.schema.noun + " of the same name"
		}
	}
	line := uint32(w.row.Line)
	first, dup := w.seen.put(hash, line)
	if !dup || first == line {
		return
	}
	if w.creating {
		w.problem(nil, w.name, "duplicate", "line "+strconv.FormatUint(uint64(first), 10)+" already has "+what+": "+quote(w.name), "remove one of the rows, change the name, or give --on-duplicate create")
		return
	}
	if w.op.Action == Delete {
		w.problem(nil, w.op.Gsid, "duplicate", "line "+strconv.FormatUint(uint64(first), 10)+" already deletes "+what, "take one of the rows out")
		return
	}
	w.problem(nil, w.op.Gsid, "duplicate", "line "+strconv.FormatUint(uint64(first), 10)+" already updates "+what, "put both changes into one row")
}

// identity is a hash of what two rows for one record have alike, whose bytes it
// leaves in w.buf; not ok for a row that cannot be told apart from others.
func (w *work) identity() (uint64, bool) {
	switch {
	case !w.creating:
		w.buf = append(append(w.buf[:0], "gsid\x00"...), w.op.Gsid...)
	case !w.schema.placed && w.named == present:
		w.buf = appendKey(w.buf[:0], w.schema.object, "", "", w.name)
	case w.schema.placed && w.named == present && w.placed == present && w.parentState() != bad:
		p := w.owner()
		w.buf = appendKey(w.buf[:0], w.entity, p.id, p.name, w.name)
	default:
		return 0, false
	}
	return maphash.Bytes(w.seed, w.buf), true
}

// NaturalKey is the hash by which a goal is known where it has no Gsid yet:
// EntityType, parent (its id, or its name where no id is known) and Name, the
// names without regard to case and outer blanks. A template or metric has its
// object in the place of the EntityType, and no parent.
func NaturalKey(entityType, parentID, parentName, name string) (key [16]byte) {
	sum := sha256.Sum256(appendKey(nil, entityType, parentID, parentName, name))
	copy(key[:], sum[:])
	return key
}

// appendKey appends what NaturalKey is the hash of.
func appendKey(dst []byte, entityType, parentID, parentName, name string) []byte {
	dst = append(append(dst, entityType...), 0)
	if parentID != "" {
		dst = append(append(dst, '#'), parentID...)
	} else {
		dst = AppendFold(append(dst, '='), parentName)
	}
	return AppendFold(append(dst, 0), name)
}

// problem tells what is wrong with the cell of s, or with the row where s is
// nil or a constant.
func (w *work) problem(s *source, value, code, message, mend string) {
	if w.doubt() {
		return
	}
	p := Problem{Line: w.row.Line, Column: -1, Code: code, Value: shorten(value), Message: message, Mend: mend}
	if s != nil {
		p.Field, p.Header, p.Column = s.api, s.header, s.index
	}
	p.Place = w.row.Place(p.Column)
	w.problems = append(w.problems, p)
}

// warn is problem for what is told and sent all the same.
func (w *work) warn(s *source, value, code, message, mend string) {
	w.problem(s, value, code, message, mend)
	w.problems[len(w.problems)-1].Warning = true
}

// readModified keeps ModifiedDate for the search for stale rows.
func (w *work) readModified() {
	cell, st := w.read(w.modified)
	if st != present {
		return
	}
	ms, ok := epochMillis(trim(cell.Text))
	if !ok {
		w.warn(w.modified, cell.Text, "bad-modified-date", "ModifiedDate "+quote(cell.Text)+" is no time", "give epoch milliseconds or a time such as 2025-03-04T10:30:00Z; without it a stale row is not noticed")
		return
	}
	w.op.ModifiedDate = ms
}

// unknown reports whether a rule across fields has nothing to look at.
func (c choice) unknown() bool { return c.state != present || c.index < 0 }

// intern returns b as a string that later rows share.
func (c *Checker) intern(b []byte) string {
	if s, ok := c.interned[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(c.interned) < maxInterned {
		c.interned[s] = s
	}
	return s
}

// maxInterned bounds the texts that rows share.
const maxInterned = 8192
