package emulator

import (
	"cmp"
	"fmt"
	"slices"
)

// query is a fetch, checked.
type query struct {
	selected fieldSet
	filter   *filter
	size     int
	page     int // from 1
}

// fetchGoals carries out POST /v1/csgoal/external/fetch.
func (t *Tenant) fetchGoals(c *call) ([]byte, *refusal) {
	q, err := t.parseQuery(c)
	if err != nil {
		return nil, err
	}
	page := t.page(t.goals, q, c)
	if len(page) == 0 && c.sw.EmptyPage == "error" {
		return c.noData(), nil
	}
	dst := beginOK(make([]byte, 0, 256+384*len(page)), c.requestID)
	dst = append(dst, `{"recordList":[`...)
	for _, r := range page {
		dst = append(appendComma(dst), `{"dataList":{`...)
		dst = t.appendFields(dst, r, q.selected, c)
		dst = append(dst, `},"associatedCTAs":[`...)
		ctas, plans := r.links()
		dst = appendLinks(dst, ctas)
		dst = append(dst, `],"associatedSPs":[`...)
		dst = appendLinks(dst, plans)
		dst = append(dst, `]}`...)
	}
	return endOK(append(dst, `]}`...)), nil
}

func (r *record) links() (ctas, plans []*link) {
	if r.more == nil {
		return nil, nil
	}
	return r.more.ctas, r.more.plans
}

func appendLinks(dst []byte, list []*link) []byte {
	for _, l := range list {
		dst = l.append(appendComma(dst))
	}
	return dst
}

// fetchTemplates carries out POST /v1/csgoal/external/template/fetch, whose
// answer has no envelope on the page.
func (t *Tenant) fetchTemplates(c *call) ([]byte, *refusal) {
	q, err := t.parseQuery(c)
	if err != nil {
		return nil, err
	}
	page := t.page(t.templates, q, c)
	if len(page) == 0 && c.sw.EmptyPage == "error" {
		return c.noData(), nil
	}
	var dst []byte
	if c.sw.TemplateFetch == "envelope" {
		dst = beginOK(dst, c.requestID)
	}
	dst = append(dst, `{"recordList":[`...)
	for _, r := range page {
		dst = append(appendComma(dst), '{')
		dst = t.appendFields(dst, r, q.selected, c)
		dst = append(dst, '}')
	}
	dst = append(dst, ']', '}')
	if c.sw.TemplateFetch == "envelope" {
		dst = endOK(dst)
	}
	return dst, nil
}

// noData is the other form of an empty page.
func (c *call) noData() []byte {
	return c.failure(200, "GSOBJ_1011", "No data found", "").body
}

func (t *Tenant) parseQuery(c *call) (*query, *refusal) {
	if err := onlyKeys(c.body, "select", "where", "pageSize", "pageNumber"); err != nil {
		return nil, err
	}
	q := &query{}
	var err *refusal
	if q.size, err = wholeNumber(c.body, "pageSize", min(100, c.sw.maxPageSize()), c.sw.maxPageSize()); err != nil {
		return nil, err
	}
	if q.page, err = wholeNumber(c.body, "pageNumber", 1, 1<<31); err != nil {
		return nil, err
	}
	if q.selected, err = t.parseSelect(c); err != nil {
		return nil, err
	}
	q.filter, err = t.compileWhere(member(c.body, "where"), c.sw)
	return q, err
}

func wholeNumber(body []byte, name string, def, most int) (int, *refusal) {
	raw := member(body, name)
	if raw == nil {
		return def, nil
	}
	n, ok := integerOf(raw)
	if !ok || n < 1 || n > int64(most) {
		return 0, refuse(invalidPageRequest, "INVALID_PAGE_REQUEST: %s is %s, want 1 to %d", name, raw, most)
	}
	return int(n), nil
}

// parseSelect reads the fields asked for. The page's own samples answer with
// more than was selected; so does the tenant, unless told.
func (t *Tenant) parseSelect(c *call) (fieldSet, *refusal) {
	names, ok := texts(member(c.body, "select"))
	if !ok || len(names) == 0 {
		return 0, refuse(invalidField, "Invalid fields in select clause - it is empty")
	}
	set := t.fields.set("Gsid")
	if c.sw.Selected == "" {
		set |= t.fields.set("DueDate", "StatusId", "GoalTypeId")
		if c.endpoint == goalFetch {
			set |= t.fields.set("Description")
		} else {
			set |= t.fields.set("CreatedDate")
		}
	}
	for _, name := range names {
		f := t.fields.byName[name]
		if f == nil {
			return 0, refuse(invalidField, "Invalid fields in select clause - %s", name)
		}
		set.add(f)
	}
	return set, nil
}

// page returns the records of a page. Only the picking of the candidates holds
// the lock; the filter runs on the snapshot.
func (t *Tenant) page(of *collection, q *query, c *call) []*record {
	number := q.page
	if c.fault == repeatedPage && number > 1 {
		number--
	}
	from := (number - 1) * q.size
	list, filtered := t.candidates(of, q, c, from)
	if filtered {
		return list
	}
	switch c.sw.Order {
	case "newest":
		slices.Reverse(list)
	case "unstable":
		t.shuffle(list, c.ordinal)
	}
	var page []*record
	for _, r := range list {
		if !q.filter.matches(r) {
			continue
		}
		if from > 0 {
			from--
			continue
		}
		if page = append(page, r); len(page) == q.size {
			break
		}
	}
	return page
}

// candidates returns the records that may fit, in order of insertion. Without
// a filter and in a stable order it returns the page itself, and true.
func (t *Tenant) candidates(of *collection, q *query, c *call, from int) ([]*record, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if q.filter == nil && c.sw.Order != "unstable" {
		return of.slice(from, q.size, c.sw.Order == "newest"), true
	}
	if ids, known := q.filter.only("Gsid"); known {
		return of.withGsids(ids), false
	}
	if names, known := q.filter.only("Name"); known {
		return of.withNames(names), false
	}
	return of.records(), false
}

// slice returns size records from position from, counted from either end.
func (c *collection) slice(from, size int, fromEnd bool) []*record {
	var page []*record
	for i := from; i < min(from+size, len(c.list)); i++ {
		at := i
		if fromEnd {
			at = len(c.list) - 1 - i
		}
		page = append(page, c.list[at].record)
	}
	return page
}

// shuffle orders by a hash that differs from call to call.
func (t *Tenant) shuffle(list []*record, ordinal uint64) {
	rank := func(r *record) uint64 { return hash(hashText(r.gsid), ordinal, t.gate.seed) }
	slices.SortFunc(list, func(a, b *record) int { return cmp.Compare(rank(a), rank(b)) })
}

// disturb lets another user create or remove a goal just before a page is read.
func (t *Tenant) disturb(c *call) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.goals.list)
	where := int(unit(hash(t.gate.seed, c.ordinal, 6)) * float64(n))
	if c.fault == deletedPage {
		if n > 0 {
			// A journal that cannot be written leaves the goal where it is.
			_ = t.discard(t.goals.list[where].record.gsid)
		}
		return
	}
	kind := t.seeds.defaultType()
	r := &record{
		name: fmt.Sprintf("Concurrent goal %d", c.ordinal), due: noDue, parent: onCompany,
		company: t.seeds.companies[0], goalType: kind, status: firstActive(kind.statuses),
	}
	t.stamp(r, c, t.seeds.other)
	if t.commit(t.goals, r) == nil {
		t.goals.moveLast(where)
	}
}
