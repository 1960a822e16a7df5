package emulator

import (
	"cmp"
	"slices"
	"strings"
)

// collection holds the goals or the templates of a tenant, in order of
// insertion and by Gsid and name. Its owner locks it; the records it returns
// may be read without the lock.
type collection struct {
	list   []*entry
	byGsid map[string]*entry
	byName map[string]*entry // by folded name, the youngest first
}

// entry is the place of a record, whose versions follow one another in it.
type entry struct {
	record *record
	next   *entry // of the same folded name
	order  uint64
}

func newCollection() *collection {
	return &collection{byGsid: map[string]*entry{}, byName: map[string]*entry{}}
}

func (c *collection) get(gsid string) *record {
	if e := c.byGsid[gsid]; e != nil {
		return e.record
	}
	return nil
}

// put adds r, or replaces the version that is there.
func (c *collection) put(r *record) {
	if e := c.byGsid[r.gsid]; e != nil {
		if fold(e.record.name) != fold(r.name) {
			c.unlink(e)
			e.record = r
			c.link(e)
		}
		e.record = r
		return
	}
	e := &entry{record: r, order: uint64(len(c.list))}
	if n := len(c.list); n > 0 {
		e.order = c.list[n-1].order + 1
	}
	c.list = append(c.list, e)
	c.byGsid[r.gsid] = e
	c.link(e)
}

// moveLast puts the youngest entry at index i, as a server without a promised
// order may do with a new record.
func (c *collection) moveLast(i int) {
	last := len(c.list) - 1
	e := c.list[last]
	c.list = slices.Insert(c.list[:last], i, e)
	for n, e := range c.list[i:] {
		e.order = uint64(i + n)
	}
}

func (c *collection) remove(gsid string) {
	e := c.byGsid[gsid]
	if e == nil {
		return
	}
	c.unlink(e)
	delete(c.byGsid, gsid)
	c.list = slices.DeleteFunc(c.list, func(one *entry) bool { return one == e })
}

func (c *collection) link(e *entry) {
	key := fold(e.record.name)
	e.next = c.byName[key]
	c.byName[key] = e
}

func (c *collection) unlink(e *entry) {
	key := fold(e.record.name)
	if c.byName[key] == e {
		if e.next == nil {
			delete(c.byName, key)
			return
		}
		c.byName[key] = e.next
		return
	}
	for p := c.byName[key]; p != nil; p = p.next {
		if p.next == e {
			p.next = e.next
			return
		}
	}
}

// records returns all records in order.
func (c *collection) records() []*record {
	list := make([]*record, len(c.list))
	for i, e := range c.list {
		list[i] = e.record
	}
	return list
}

// withNames returns the records of these names, in order of insertion.
func (c *collection) withNames(names []string) []*record {
	var found []*entry
	var done []string
	for _, name := range names {
		key := fold(name)
		if slices.Contains(done, key) {
			continue
		}
		done = append(done, key)
		for e := c.byName[key]; e != nil; e = e.next {
			found = append(found, e)
		}
	}
	return inOrder(found)
}

// withGsids returns the records of these Gsids, in order of insertion.
func (c *collection) withGsids(ids []string) []*record {
	var found []*entry
	for _, id := range ids {
		if e := c.byGsid[strings.ToUpper(id)]; e != nil && !slices.Contains(found, e) {
			found = append(found, e)
		}
	}
	return inOrder(found)
}

func inOrder(list []*entry) []*record {
	slices.SortFunc(list, func(a, b *entry) int { return cmp.Compare(a.order, b.order) })
	records := make([]*record, len(list))
	for i, e := range list {
		records[i] = e.record
	}
	return records
}
