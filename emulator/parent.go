package emulator

// setParent sets EntityType and what the goal hangs on. What a relationship or
// an opportunity implies (its company, its type) is filled in.
func (b *builder) setParent() *refusal {
	if err := b.setEntityType(); err != nil {
		return err
	}
	places := [...]struct {
		key  key
		name string
		list []*entity
		at   **entity
	}{
		{kCompany, "CompanyId", b.t.seeds.companies, &b.r.company},
		{kRelationship, "RelationshipId", b.t.seeds.relationships, &b.r.relation},
		{kRelType, "RelationshipTypeId", b.t.seeds.relTypes, &b.r.relType},
		{kOpportunity, "OpportunityId", b.t.seeds.opportunities, &b.r.opportunity},
	}
	for _, p := range places {
		id, given, err := b.text(p.key, p.name)
		switch {
		case err != nil:
			return err
		case !given:
			continue
		case b.r.isTemplate:
			return refuse(invalidField, "Invalid field in record - %s", p.name)
		case id == "":
			*p.at = nil
			continue
		}
		e := b.t.seeds.byGsid[id]
		if e == nil || !contains(p.list, e) {
			return refuse(invalidGsid, "Invalid %s provided in request", p.name)
		}
		*p.at = e
	}
	return b.checkParent()
}

func contains(list []*entity, e *entity) bool {
	for _, one := range list {
		if one == e {
			return true
		}
	}
	return false
}

func (b *builder) setEntityType() *refusal {
	word, given, err := b.text(kEntityType, "EntityType")
	if err != nil {
		return err
	}
	if b.r.isTemplate {
		if given {
			return refuse(invalidField, "Invalid field in record - EntityType")
		}
		return nil
	}
	if !given && b.old != nil {
		return nil
	}
	for p := onCompany; p <= onGlobal; p++ {
		if word == p.String() {
			b.r.parent = p
			return nil
		}
	}
	if word == "" {
		return refuse(invalidValue, "EntityType cannot be empty")
	}
	return refuse(invalidValue, "Invalid EntityType provided in request - %s", word)
}

// checkParent holds a goal to one consistent parent, and its type to that.
func (b *builder) checkParent() *refusal {
	r := b.r
	if r.isTemplate {
		return nil
	}
	if err := b.fillCompany("RelationshipId", r.relation); err != nil {
		return err
	}
	if err := b.fillCompany("OpportunityId", r.opportunity); err != nil {
		return err
	}
	if r.relation != nil {
		if r.relType == nil {
			r.relType = r.relation.relType
		}
		if r.relType != r.relation.relType {
			return refuse(invalidValue, "RelationshipTypeId is not that of the relationship")
		}
	}
	switch {
	case r.parent == onCompany && r.company == nil:
		return refuse(invalidValue, "CompanyId cannot be empty for EntityType COMPANY")
	case r.parent == onRelationship && r.relation == nil:
		return refuse(invalidValue, "RelationshipId cannot be empty for EntityType RELATIONSHIP")
	case r.parent == onOpportunity && r.opportunity == nil:
		return refuse(invalidValue, "OpportunityId cannot be empty for EntityType OPPORTUNITY")
	case r.goalType != nil && !r.goalType.offeredFor(r.parent, r.relType):
		return refuse(invalidValue, "Goal type %s is not associated with %s", r.goalType.name, r.parent)
	}
	return nil
}

func (b *builder) fillCompany(name string, parent *entity) *refusal {
	if parent == nil {
		return nil
	}
	if b.r.company == nil {
		b.r.company = parent.company
	}
	if b.r.company != parent.company {
		return refuse(invalidValue, "%s does not belong to the company", name)
	}
	return nil
}
