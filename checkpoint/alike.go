package checkpoint

import (
	"cmp"
	"context"
	"slices"
	"strconv"
)

// Kind is problems of one status, code and field.
type Kind struct {
	Status Status // invalid, rejected or stale; pending: a warning about rows that are sent
	Code   string
	Field  string
	Header bool // they are of the header
	Rows   int
	Texts  []Alike // the most frequent
	Others int     // texts beyond those

	first int64
}

// Alike is problems of a Kind that differ in their place alone.
type Alike struct {
	Rows    int
	Places  []string // the first
	Message string   // of the first row
	Mend    string   // "" where the server refused the row

	text  string
	first int64
}

// KindLimits bound what Kinds gives.
type KindLimits struct{ Kinds, Texts, Places int }

// maxKinds bounds the memory of Kinds, whatever codes a server makes up.
const maxKinds = 2000

// found are all problems. They are told apart as validate.Groups does it: by
// the value, or where there is none by the message. A row that is invalid for
// what another run did may have its problem in its fate alone.
const found = ` FROM (
	SELECT seq, n, CASE WHEN warning THEN 'pending' ELSE 'invalid' END AS status, code, field, place, message, mend,
		CASE WHEN value = '' OR code = 'duplicate' THEN message ELSE value END AS text FROM problems
	UNION ALL SELECT f.seq, 0, f.status, f.code, f.field, '', f.reason, '', f.reason FROM fates f
		WHERE f.status IN ('rejected', 'stale') OR f.status = 'invalid' AND NOT EXISTS (SELECT 1 FROM problems p WHERE p.seq = f.seq AND NOT p.warning)) `

// Kinds groups the problems of the run, as of the last Fold: those of the
// header first, then by the number of rows, warnings last. more is how many
// problems, warnings included, are of kinds beyond the limit.
func (r *Run) Kinds(ctx context.Context, limits KindLimits) (kinds []*Kind, more int, err error) {
	rows, err := r.db.read.QueryContext(ctx, `SELECT status, code, field, text, count(*), min(seq)`+found+`GROUP BY status, code, field, text`)
	if err != nil {
		return nil, 0, r.db.wrap(err)
	}
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	for rows.Next() {
		var kind Kind
		var alike Alike
		if err := rows.Scan(&kind.Status, &kind.Code, &kind.Field, &alike.text, &alike.Rows, &alike.first); err != nil {
			return nil, 0, r.db.wrap(err)
		}
		n := len(kinds)
		if n == 0 || !kinds[n-1].same(&kind) {
			if n == maxKinds {
				more += alike.Rows
				continue
			}
			kind.first = alike.first
			kinds, n = append(kinds, &kind), n+1
		}
		kinds[n-1].add(alike, limits.Texts)
	}
	if err := rows.Err(); err != nil {
		return nil, 0, r.db.wrap(err)
	}
	slices.SortFunc(kinds, func(a, b *Kind) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.first, b.first))
	})
	for ; len(kinds) > limits.Kinds; kinds = kinds[:len(kinds)-1] {
		more += kinds[len(kinds)-1].Rows
	}
	return kinds, more, r.fillKinds(ctx, kinds, limits.Places)
}

func (k *Kind) same(o *Kind) bool {
	return k.Status == o.Status && k.Code == o.Code && k.Field == o.Field
}

func (k *Kind) rank() int {
	switch {
	case k.Status == Pending:
		return 2
	case k.first > 0:
		return 1
	}
	return 0
}

// add takes in a text, and keeps the most frequent ones, of which the first
// come first.
func (k *Kind) add(a Alike, keep int) {
	k.Rows += a.Rows
	k.first = min(k.first, a.first)
	k.Header = k.first == 0
	at, _ := slices.BinarySearchFunc(k.Texts, a, func(x, y Alike) int {
		return cmp.Or(cmp.Compare(y.Rows, x.Rows), cmp.Compare(x.first, y.first))
	})
	if at < keep {
		k.Texts = slices.Insert(k.Texts, at, a)
	}
	if at >= keep || len(k.Texts) > keep {
		k.Texts = k.Texts[:keep]
		k.Others++
	}
}

// alikeKey tells the problems of one text apart from others.
type alikeKey struct {
	status            Status
	code, field, text string
}

// fillKinds reads the words and the first places of the texts that are kept.
func (r *Run) fillKinds(ctx context.Context, kinds []*Kind, places int) error {
	wanted := map[alikeKey]*Alike{}
	for _, k := range kinds {
		for i := range k.Texts {
			wanted[alikeKey{k.Status, k.Code, k.Field, k.Texts[i].text}] = &k.Texts[i]
		}
	}
	rows, err := r.db.read.QueryContext(ctx, `SELECT seq, status, code, field, text, place, message, mend`+found)
	if err != nil {
		return r.db.wrap(err)
	}
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	lines := map[*Alike][]int64{}
	for len(wanted) > 0 && rows.Next() {
		var seq int64
		var key alikeKey
		var place, message, mend string
		if err := rows.Scan(&seq, &key.status, &key.code, &key.field, &key.text, &place, &message, &mend); err != nil {
			return r.db.wrap(err)
		}
		a := wanted[key]
		if a == nil {
			continue
		}
		if seq == a.first {
			a.Message, a.Mend = message, mend
		}
		if place == "" {
			lines[a] = append(lines[a], seq)
		} else {
			a.Places = append(a.Places, place)
		}
		if len(a.Places)+len(lines[a]) >= min(places, a.Rows) {
			delete(wanted, key)
		}
	}
	if err := rows.Err(); err != nil {
		return r.db.wrap(err)
	}
	return r.fillLines(ctx, lines)
}

// fillLines tells where rows are that have no place of their own.
func (r *Run) fillLines(ctx context.Context, lines map[*Alike][]int64) error {
	for a, seqs := range lines {
		for _, seq := range seqs {
			op, err := r.op(ctx, seq)
			if err != nil {
				return err
			}
			if op != nil {
				a.Places = append(a.Places, "row "+strconv.Itoa(op.Line))
			}
		}
	}
	return nil
}
