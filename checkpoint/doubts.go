package checkpoint

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
)

// Doubt is a row of which a call may or may not have been executed, or was in
// that state once.
type Doubt struct {
	Op
	Status Status // now: in_doubt where it is not settled yet
	// Since is the largest server time seen before the first of the row's calls
	// whose answer is not known, in epoch milliseconds: nothing that those calls
	// made is older. 0: no server time was known.
	Since int64
	Last  int64 // likewise before the last of these calls
	Sends int   // their number
	// Before is the ModifiedDate of the goal as the plan read it, in epoch
	// milliseconds; 0: it was not read.
	Before int64
	Why    string // the code and the reason of its fate: what the last call was answered with
}

// Doubts are what settling needs to know of a run.
type Doubts struct {
	Rows []Doubt // every row that was ever in doubt, in input order
	User string  // who creates for this run, as its answers say; "" unknown
}

// Doubts reads the rows that were ever in doubt, as of the last Fold, in one
// walk over the journal. Memory grows with their number alone.
func (r *Run) Doubts(ctx context.Context) (Doubts, error) {
	scan, err := r.scanDoubts(ctx)
	if err != nil {
		return Doubts{}, err
	}
	rows, err := r.fillDoubts(ctx, scan.found)
	return Doubts{Rows: rows, User: scan.user}, err
}

func (r *Run) scanDoubts(ctx context.Context) (doubtScan, error) {
	scan := doubtScan{open: map[int64]string{}, found: map[int64]*Doubt{}}
	err := r.eachRecord(ctx, r.db.read, 0, func(_ int64, text string) (bool, error) {
		return true, scan.record(text)
	})
	if err != nil {
		return scan, err
	}
	for seq, line := range scan.open { // the process ended before their answers
		if err := scan.doubt(seq, line); err != nil {
			return scan, &StorageError{Path: r.db.path, Err: err}
		}
	}
	return scan, nil
}

// doubtScan follows the events of a run. A run of a million rows is walked over
// before its first call, so that of most lines the head alone is read: Fold
// has read them whole.
type doubtScan struct {
	open  map[int64]string // lines of intents that have no outcome so far
	found map[int64]*Doubt
	user  string
}

// record follows the events of one journal record.
func (s *doubtScan) record(text string) error {
	created := "" // the last outcome of a create that happened
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		kind, seq, err := headOf(line)
		if err != nil {
			return err
		}
		intent, open := s.open[seq]
		doubtful := false
		switch kind {
		case Intent:
			doubtful = open // an earlier process ended before its outcome
			s.open[seq] = line
		case Outcome:
			delete(s.open, seq)
			switch statusIn(line) {
			case Created:
				created = line
			case InDoubt:
				doubtful = open
			}
		case Settled:
			delete(s.open, seq)
			doubtful = open
		}
		if doubtful {
			if err := s.doubt(seq, intent); err != nil {
				return err
			}
		}
	}
	if created == "" {
		return nil
	}
	e, err := parseEvent(created)
	if e.User != "" {
		s.user = e.User
	}
	return err
}

// doubt enters the call of an intent as one whose answer is not known.
func (s *doubtScan) doubt(seq int64, intent string) error {
	e, err := parseEvent(intent)
	if err != nil {
		return err
	}
	d := s.found[seq]
	if d == nil {
		d = &Doubt{Since: e.Server}
		s.found[seq] = d
	}
	d.Last = e.Server
	d.Sends++
	return nil
}

// fillDoubts reads the operations and fates of the rows, and gives them in input order.
func (r *Run) fillDoubts(ctx context.Context, found map[int64]*Doubt) ([]Doubt, error) {
	if len(found) == 0 {
		return nil, nil
	}
	list, err := json.Marshal(slices.Sorted(maps.Keys(found)))
	if err != nil {
		return nil, err
	}
	rows, err := r.db.read.QueryContext(ctx, `SELECT o.seq, o.line, o.action, o.gsid, o.item, l.text, n.text, o.key, o.hash, o.modified,
		coalesce(f.status, 'in_doubt'), coalesce(f.gsid, ''), coalesce(f.attempts, 0), coalesce(b.modified, 0),
		coalesce(trim(f.code || ' ' || f.reason), '')
		FROM ops o LEFT JOIN texts l ON l.id = o.lookups LEFT JOIN texts n ON n.id = o.names LEFT JOIN fates f ON f.seq = o.seq
		LEFT JOIN befores b ON b.seq = o.seq WHERE o.seq IN (SELECT value FROM json_each(?)) ORDER BY o.seq`, string(list))
	if err != nil {
		return nil, r.db.wrap(err)
	}
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	var doubts []Doubt
	for rows.Next() {
		var d Doubt
		var lookups, names sql.NullString
		var key, hash sql.RawBytes
		var gsid string
		if err := rows.Scan(&d.Seq, &d.Line, &d.Action, &d.Gsid, &d.Item, &lookups, &names, &key, &hash, &d.Modified, &d.Status, &gsid, &d.Attempts, &d.Before, &d.Why); err != nil {
			return nil, r.db.wrap(err)
		}
		copy(d.Key[:], key)
		copy(d.Hash[:], hash)
		d.Lookups, d.Names = lookups.String, names.String
		if gsid != "" {
			d.Gsid = gsid
		}
		known := found[d.Seq]
		d.Since, d.Last, d.Sends = known.Since, known.Last, known.Sends
		doubts = append(doubts, d)
	}
	return doubts, r.fillItems(ctx, rows, len(doubts), func(i int) *Op { return &doubts[i].Op })
}

// LearnedParents tells, for names that the server resolved in rows of this run
// (Op.Names), the ids it filled in: CompanyId=…;RelationshipId=…. Names that no
// answer resolved are absent.
func (r *Run) LearnedParents(ctx context.Context, names []string) (map[string]string, error) {
	learned := map[string]string{}
	if len(names) == 0 {
		return learned, nil
	}
	list, err := json.Marshal(names)
	if err != nil {
		return nil, err
	}
	bySeq, err := r.createdWithNames(ctx, string(list))
	if err != nil || len(bySeq) == 0 {
		return learned, err
	}
	err = r.eachRecord(ctx, r.db.read, 0, func(_ int64, text string) (bool, error) {
		return true, eachEvent(text, func(e *Event) error {
			if e.Parents == "" {
				return nil
			}
			if name, wanted := bySeq[e.Seq]; wanted {
				learned[name] = e.Parents
			}
			return nil
		})
	})
	return learned, err
}

// createdWithNames finds some created rows for each of the names.
func (r *Run) createdWithNames(ctx context.Context, list string) (map[int64]string, error) {
	rows, err := r.db.read.QueryContext(ctx, `SELECT seq, text FROM (
		SELECT o.seq, t.text, row_number() OVER (PARTITION BY t.text ORDER BY o.seq) n
		FROM texts t JOIN ops o ON o.names = t.id JOIN fates f ON f.seq = o.seq
		WHERE t.text IN (SELECT value FROM json_each(?)) AND f.status = 'created') WHERE n <= 3`, list)
	if err != nil {
		return nil, r.db.wrap(err)
	}
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	bySeq := map[int64]string{}
	for rows.Next() {
		var seq int64
		var text string
		if err := rows.Scan(&seq, &text); err != nil {
			return nil, r.db.wrap(err)
		}
		bySeq[seq] = text
	}
	return bySeq, r.db.wrap(rows.Err())
}

// Claimed tells which of the goals answer for a row of this run, as of the last
// Fold: the row's seq by Gsid.
func (r *Run) Claimed(ctx context.Context, gsids []string) (map[string]int64, error) {
	claimed := map[string]int64{}
	if len(gsids) == 0 {
		return claimed, nil
	}
	list, err := json.Marshal(gsids)
	if err != nil {
		return nil, err
	}
	rows, err := r.db.read.QueryContext(ctx, `SELECT gsid, seq FROM fates WHERE gsid IN (SELECT value FROM json_each(?))`, string(list))
	if err != nil {
		return nil, r.db.wrap(err)
	}
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	for rows.Next() {
		var gsid string
		var seq int64
		if err := rows.Scan(&gsid, &seq); err != nil {
			return nil, r.db.wrap(err)
		}
		claimed[gsid] = seq
	}
	return claimed, r.db.wrap(rows.Err())
}

// ClaimedElsewhere tells which of the goals other runs of the tenant created,
// as of the last IndexCreated.
func (t *Tenant) ClaimedElsewhere(ctx context.Context, run *Run, gsids []string) (map[string]bool, error) {
	claimed := map[string]bool{}
	if len(gsids) == 0 {
		return claimed, nil
	}
	list, err := json.Marshal(gsids)
	if err != nil {
		return nil, err
	}
	rows, err := t.db.read.QueryContext(ctx, `SELECT DISTINCT gsid FROM created WHERE tenant = ? AND run <> ? AND gsid IN (SELECT value FROM json_each(?))`, t.name, run.info.ID, string(list))
	if err != nil {
		return nil, t.db.wrap(err)
	}
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	for rows.Next() {
		var gsid string
		if err := rows.Scan(&gsid); err != nil {
			return nil, t.db.wrap(err)
		}
		claimed[gsid] = true
	}
	return claimed, t.db.wrap(rows.Err())
}

// Foreign is a create of another run whose call may have made a goal that no
// row answers for yet: it is in doubt, parked, or under way at this moment.
type Foreign struct {
	Doubt
	Learned string // its parents, as LearnedParents of its run tells them
}

// DoubtsElsewhere are such creates of all other runs of the tenant, also of
// those that another process is applying. It brings the index of what was
// created up to date, so that ClaimedElsewhere knows of every other goal.
func (t *Tenant) DoubtsElsewhere(ctx context.Context, run *Run) ([]Foreign, error) {
	if err := t.IndexCreated(ctx, run.info.ID); err != nil {
		return nil, err
	}
	open, err := t.openElsewhere(ctx, run)
	if err != nil {
		return nil, err
	}
	var all []Foreign
	for _, id := range slices.Sorted(maps.Keys(open)) {
		some, err := t.doubtsOf(ctx, run.info.Object, id, open[id])
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// openElsewhere are the rows of other runs that the index has without a goal.
func (t *Tenant) openElsewhere(ctx context.Context, run *Run) (map[string]map[int64]bool, error) {
	rows, err := t.db.read.QueryContext(ctx, `SELECT run, seq FROM created WHERE tenant = ? AND run <> ? AND gsid = ''`, t.name, run.info.ID)
	if err != nil {
		return nil, t.db.wrap(err)
	}
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	open := map[string]map[int64]bool{}
	for rows.Next() {
		var id string
		var seq int64
		if err := rows.Scan(&id, &seq); err != nil {
			return nil, t.db.wrap(err)
		}
		if open[id] == nil {
			open[id] = map[int64]bool{}
		}
		open[id][seq] = true
	}
	return open, t.db.wrap(rows.Err())
}

// doubtsOf reads those of a run; none of one that was pruned, or whose records
// are of another kind.
func (t *Tenant) doubtsOf(ctx context.Context, object, id string, seqs map[int64]bool) ([]Foreign, error) {
	run, err := t.folder.View(ctx, id)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer run.Close() //nolint:errcheck // read only
	if run.info.Object != object {
		return nil, nil
	}
	scan, err := run.scanDoubts(ctx)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(scan.found, func(seq int64, _ *Doubt) bool { return !seqs[seq] })
	doubts, err := run.fillDoubts(ctx, scan.found)
	if err != nil {
		return nil, err
	}
	var names []string
	for i := range doubts {
		names = append(names, doubts[i].Names)
	}
	learned, err := run.LearnedParents(ctx, names)
	if err != nil {
		return nil, err
	}
	var all []Foreign
	for _, d := range doubts {
		all = append(all, Foreign{Doubt: d, Learned: learned[d.Names]})
	}
	return all, nil
}
