package pipeline

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strconv"
	"strings"

	"gsbatch/checkpoint"
)

// Sort is the order of an export; the zero value is that of the server.
type Sort struct {
	Field string
	Down  bool
}

// sortKey is what a record is ordered by, with its place in the spool. Sorting
// keeps one for each record in memory; the records stay in the spool.
type sortKey struct {
	text   string
	number float64
	is     uint8 // 0 a number, 1 a text, 2 nothing
	gsid   string
	place  int64
}

func (k sortKey) compare(o sortKey, down bool) int {
	if k.is == 2 || o.is == 2 { // blank ones stand at the end either way
		return cmp.Or(cmp.Compare(k.is, o.is), cmp.Compare(k.gsid, o.gsid))
	}
	c := cmp.Or(cmp.Compare(k.is, o.is), cmp.Compare(k.number, o.number), cmp.Compare(k.text, o.text))
	if down {
		c = -c
	}
	return cmp.Or(c, cmp.Compare(k.gsid, o.gsid))
}

// maxSortText bounds the part of a text that counts for the order, in bytes.
const maxSortText = 256

// keys reads the sort keys of all records.
func (e *export) keys(ctx context.Context) ([]sortKey, error) {
	keys := make([]sortKey, 0, e.cfg.Spool.Len())
	var s stored
	for record, err := range e.cfg.Spool.Records() {
		if err == nil {
			err = s.read(record.Text)
		}
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return nil, err
		}
		k := sortKey{text: strings.ToLower(e.sortText(&s)), gsid: strings.Clone(s.goal.Gsid), place: record.Place, is: 1}
		if n, err := strconv.ParseFloat(k.text, 64); err == nil {
			k.is, k.number, k.text = 0, n, ""
		} else if k.text == "" {
			k.is = 2
		}
		k.text = strings.Clone(k.text[:min(len(k.text), maxSortText)])
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b sortKey) int { return a.compare(b, e.cfg.Sort.Down) })
	return keys, nil
}

// sortText orders statuses and goal types by their names where those are written.
func (e *export) sortText(s *stored) string {
	field := e.cfg.Sort.Field
	text := fieldText(s, field)
	switch labels := e.cfg.Labels; {
	case labels == nil || text == "":
	case field == "StatusId":
		return labels.Status(text)
	case field == "GoalTypeId":
		return labels.GoalType(text)
	}
	return text
}

// records yields the records of the spool in the order of the export.
func (e *export) records(ctx context.Context) iter.Seq2[checkpoint.SpoolRecord, error] {
	if e.cfg.Sort.Field == "" {
		return e.cfg.Spool.Records()
	}
	return func(yield func(checkpoint.SpoolRecord, error) bool) {
		keys, err := e.keys(ctx)
		if err != nil {
			yield(checkpoint.SpoolRecord{}, err)
			return
		}
		for _, k := range keys {
			text, err := e.cfg.Spool.At(k.place)
			if !yield(checkpoint.SpoolRecord{Text: text, Place: k.place}, err) || err != nil {
				return
			}
		}
	}
}
