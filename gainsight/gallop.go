package gainsight

import "context"

// Gallop learns how many pages a query has, which is about how many calls a
// walk of it takes: at least 1, and limit+1 where there are more than limit. It
// makes one call for the first page and two for each doubling of the number,
// and none where limit is below 1. Only Gsids are read, and after the first
// page one a call, unless the server gives pages of another size than the query's.
func (c *Client) Gallop(ctx context.Context, q Query, limit int) (pages int, err error) {
	if limit < 1 {
		return 1, nil
	}
	q.Select = []string{"Gsid"}
	w := c.Walk(q)
	asked := w.at.Size
	first, _, err := w.next(ctx)
	if err != nil || first.short {
		return 1, err
	}
	whole := w.at.Fixed > 0 || w.at.Size != asked // it has a mind of its own about sizes
	known, wanted := 1, 1                         // as many pages there are; whether there are more than that
	for {
		more, err := w.reaches(ctx, wanted, whole)
		switch {
		case err != nil:
			return known, err
		case more && wanted >= limit:
			return limit + 1, nil
		case !more:
			return w.between(ctx, known, wanted, whole)
		}
		known, wanted = wanted+1, min(2*wanted, limit)
	}
}

// between finds the number of pages: least to most.
func (w *Walk) between(ctx context.Context, least, most int, whole bool) (int, error) {
	for least < most {
		middle := (least + most) / 2
		more, err := w.reaches(ctx, middle, whole)
		if err != nil {
			return least, err
		}
		if more {
			least = middle + 1
		} else {
			most = middle
		}
	}
	return least, nil
}

// reaches reports whether the list goes on after some pages: by the first goal
// of the next, or by the whole page.
func (w *Walk) reaches(ctx context.Context, pages int, whole bool) (bool, error) {
	size := max(w.at.Fixed, w.at.Size)
	number := pages + 1
	if !whole {
		number, size = pages*size+1, 1
	}
	page, err := w.ask(ctx, number, size)
	if refusedPage(err) {
		return false, nil
	}
	return len(page.Goals) > 0, err
}
