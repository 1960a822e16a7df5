package emulator

import "strings"

// createGoal carries out POST /v1/csgoal/external/create.
func (t *Tenant) createGoal(c *call) ([]byte, *refusal) {
	in, err := t.goalInput(c)
	if err != nil {
		return nil, err
	}
	if in.known[kGsid] != nil {
		return nil, refuse(invalidField, "Gsid cannot be set on a new goal")
	}
	b, err := t.saveNew(c, in, t.goals, false)
	if err != nil {
		return nil, err
	}
	dst := beginOK(make([]byte, 0, 1536), c.requestID)
	dst = append(dst, `{"goal":{`...)
	dst = t.appendCreated(dst, b, c)
	dst = append(dst, `},"userInfo":{`...)
	dst = appendText(dst, t.seeds.self.gsid)
	dst = append(dst, `:{"gsid":`...)
	dst = appendText(dst, t.seeds.self.gsid)
	dst = append(dst, `,"name":`...)
	dst = appendText(dst, t.seeds.self.name)
	return endOK(append(dst, `,"profilePicture":null}}}`...)), nil
}

// updateGoal carries out PUT /v1/csgoal/external/update.
func (t *Tenant) updateGoal(c *call) ([]byte, *refusal) {
	in, err := t.goalInput(c)
	if err != nil {
		return nil, err
	}
	b, err := t.saveUpdate(c, in, t.goals)
	if err != nil {
		return nil, err
	}
	dst := beginOK(make([]byte, 0, 1024), c.requestID)
	dst = append(dst, `{"record":{`...)
	touched := b.touched | t.fields.set("GoalCategory", "Gsid", "ModifiedById", "ModifiedDate")
	dst = t.appendFields(dst, b.r, touched, c)
	return endOK(append(dst, `},"updatedGoals":null,"properties":{}}`...)), nil
}

func (t *Tenant) goalInput(c *call) (*input, *refusal) {
	if err := onlyKeys(c.body, "requests", "lookups"); err != nil {
		return nil, err
	}
	raw, err := oneRequest(c.body)
	if err != nil {
		return nil, err
	}
	return t.parseInput(raw, member(c.body, "lookups"))
}

// onlyKeys refuses a body with keys that the call does not know.
func onlyKeys(body []byte, known ...string) *refusal {
	for k := range members(body) {
		found := false
		for _, name := range known {
			found = found || name == string(k)
		}
		if !found {
			return refuse(invalidRequest, "Unrecognized field %q in the request, known are %s", k, strings.Join(known, ", "))
		}
	}
	return nil
}

// saveNew makes and commits a record.
func (t *Tenant) saveNew(c *call, in *input, to *collection, isTemplate bool) (*builder, *refusal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b, err := t.build(c, in, nil, isTemplate)
	if err != nil {
		return nil, err
	}
	t.stamp(b.r, c, t.seeds.self)
	if err := t.commit(to, b.r); err != nil {
		return nil, err
	}
	t.created++
	return b, nil
}

// stamp makes r a new record of u. The tenant is locked.
func (t *Tenant) stamp(r *record, c *call, u *user) {
	r.gsid = t.nextGsid(goalPrefix)
	r.created, r.modified = c.at.UnixMilli(), c.at.UnixMilli()
	r.createdBy, r.modifiedBy = u, u
}

// nextGsid returns a Gsid that no record has. The tenant is locked.
func (t *Tenant) nextGsid(prefix string) string {
	for {
		t.made++
		id := newGsid(prefix, t.opt.Seed, t.made)
		if t.goals.get(id) == nil && t.templates.get(id) == nil && t.metrics[id] == nil {
			return id
		}
	}
}

// saveUpdate makes the next version of the record that the input names, and
// commits it.
func (t *Tenant) saveUpdate(c *call, in *input, of *collection) (*builder, *refusal) {
	gsid, _ := textOf(in.known[kGsid])
	t.mu.Lock()
	defer t.mu.Unlock()
	old := of.get(gsid)
	if old == nil {
		return nil, refuse(invalidGsid, "Invalid Gsid provided in request")
	}
	b, err := t.build(c, in, old, old.isTemplate)
	if err != nil {
		return nil, err
	}
	b.r.modified, b.r.modifiedBy = c.at.UnixMilli(), t.seeds.self
	if err := t.commit(of, b.r); err != nil {
		return nil, err
	}
	t.updated++
	return b, nil
}

// appendCreated appends the fields of a new goal, with the names of the users
// and the status beside their ids.
func (t *Tenant) appendCreated(dst []byte, b *builder, c *call) []byte {
	for _, f := range t.fields.list {
		if f.name == "Gsid" && c.fault == withoutGsid {
			continue
		}
		if f.name == "ModifiedById" && len(b.r.metricValues()) > 0 {
			dst = append(appendKey(dst, "MetricValues"), '[')
			for _, v := range b.r.metricValues() {
				dst = v.append(appendComma(dst), b.r.gsid)
			}
			dst = append(dst, ']')
		}
		dst = f.appendValue(dst, b.r)
		switch f.name {
		case "CreatedById":
			dst = appendExpansion(dst, "CreatedById__gr", b.r.createdBy.name)
		case "ModifiedById":
			dst = appendExpansion(dst, "ModifiedById__gr", b.r.modifiedBy.name)
		case "StatusId":
			dst = appendExpansion(dst, "StatusId__gr", b.r.status.name)
		}
	}
	return dst
}

func (r *record) metricValues() []metricValue {
	if r.more == nil {
		return nil
	}
	return r.more.metrics
}

func appendExpansion(dst []byte, key, name string) []byte {
	dst = append(appendKey(dst, key), `{"Name":`...)
	return append(appendText(dst, name), '}')
}

// appendFields appends the fields of a set that are not null.
func (t *Tenant) appendFields(dst []byte, r *record, set fieldSet, c *call) []byte {
	for _, f := range t.fields.list {
		if set.has(f) && !(f.name == "Gsid" && c.fault == withoutGsid) {
			dst = f.appendValue(dst, r)
		}
	}
	return dst
}
