package emulator

// createTemplates carries out POST /v1/csgoal/external/template.
func (t *Tenant) createTemplates(c *call) ([]byte, *refusal) {
	shown := t.fields.set("GoalTypeId", "StatusId", "Gsid")
	return t.eachRequest(c, func(raw []byte) ([]byte, *refusal) {
		in, err := t.parseInput(raw, member(c.body, "lookups"))
		if err != nil {
			return nil, err
		}
		if in.known[kGsid] != nil {
			return nil, refuse(invalidField, "Gsid cannot be set on a new template")
		}
		b, err := t.saveNew(c, in, t.templates, true)
		if err != nil {
			return nil, err
		}
		return t.appendTemplate(b, b.touched|shown, c), nil
	})
}

// updateTemplates carries out PUT /v1/csgoal/external/template.
func (t *Tenant) updateTemplates(c *call) ([]byte, *refusal) {
	shown := t.fields.set("Gsid", "ModifiedById", "ModifiedDate")
	return t.eachRequest(c, func(raw []byte) ([]byte, *refusal) {
		in, err := t.parseInput(raw, member(c.body, "lookups"))
		if err != nil {
			return nil, err
		}
		b, err := t.saveUpdate(c, in, t.templates)
		if err != nil {
			return nil, err
		}
		return t.appendTemplate(b, b.touched|shown, c), nil
	})
}

// appendTemplate returns an element of successList: what was sent, as it is now.
func (t *Tenant) appendTemplate(b *builder, shown fieldSet, c *call) []byte {
	dst := t.appendFields([]byte{'{'}, b.r, shown, c)
	if b.in.known[kWork] != nil {
		dst = appendTexts(appendKey(dst, "AssociatedWork"), b.more.work)
	}
	return append(dst, '}')
}
