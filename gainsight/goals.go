package gainsight

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"strings"
)

// DefaultPageSize is what the nearest relative of the fetch documents as its largest.
const DefaultPageSize = 1000

// RepeatedPageError ends a walk: a full page brought nothing that earlier
// pages had not, so the server may not be counting pages at all.
type RepeatedPageError struct{ Page int }

// Error implements error.
func (e *RepeatedPageError) Error() string {
	return fmt.Sprintf("page %d: holds only goals of earlier pages; fetch again, with a filter or another page size", e.Page)
}

// Goals walks the pages of a query, each goal once, until a page is short. An
// error ends it. The fetch has no order: goals that come or go meanwhile may
// shift others past the walk, which it cannot see; a caller that must know
// uses FetchPage and lets its pages overlap.
//
// A server that silently gives smaller pages than asked for would look like
// the end; so after a first page that is short by a round number of goals the
// second one is looked at too.
func (c *Client) Goals(ctx context.Context, q Query) iter.Seq2[Goal, error] {
	return func(yield func(Goal, error) bool) {
		w := walk{seen: newGsidSet(), asked: q.PageSize}
		if w.asked <= 0 {
			w.asked = DefaultPageSize
		}
		for w.full = w.asked; !w.over; {
			w.page++
			page, err := c.FetchPage(ctx, q, w.page, w.asked)
			if w.page > 1 && pastEnd(err) {
				return
			}
			fresh := 0
			for _, g := range page.Goals {
				if !w.seen.add(g.Gsid) {
					continue
				}
				fresh++
				if !yield(g, nil) {
					return
				}
			}
			if err == nil {
				err = w.turn(len(page.Goals), fresh)
			}
			if err != nil {
				yield(Goal{}, err)
				return
			}
		}
	}
}

// pastEnd: page 1 of this size was answered, so it is the number that is refused.
func pastEnd(err error) bool {
	var failure *Error
	return errors.As(err, &failure) && failure.Answer.Verdict == Rejected && strings.HasSuffix(failure.Answer.Code, "8007")
}

// walk is the state of a walk over pages.
type walk struct {
	seen  *gsidSet
	page  int
	asked int // goals asked for in a page
	full  int // goals of a page that has another one behind it
	over  bool
}

// turn is told what a page brought and decides whether another one follows.
func (w *walk) turn(got, fresh int) error {
	switch {
	case got == 0:
		w.over = true
	case got >= w.full && fresh == 0:
		if w.page == 2 && w.full < w.asked { // the second look found the only page again
			w.over = true
			return nil
		}
		return fmt.Errorf("fetch goals: %w", &RepeatedPageError{Page: w.page})
	case w.page == 1 && got < w.asked && got%10 == 0:
		w.full = got
	default:
		w.over = got < w.full
	}
	return nil
}

// gsidSet remembers Gsids by 128 bits of hash: a million goals cost tens of megabytes.
type gsidSet struct {
	seeds [2]maphash.Seed
	known map[[2]uint64]struct{}
}

func newGsidSet() *gsidSet {
	return &gsidSet{
		seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		known: make(map[[2]uint64]struct{}),
	}
}

// add reports whether the Gsid is new.
func (s *gsidSet) add(gsid string) bool {
	key := [2]uint64{maphash.String(s.seeds[0], gsid), maphash.String(s.seeds[1], gsid)}
	if _, ok := s.known[key]; ok {
		return false
	}
	s.known[key] = struct{}{}
	return true
}
