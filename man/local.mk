EXTRA_DIST += %D%/update.sh
dist_man_MANS += %D%/llmgw.1
dist_man_MANS += %D%/llmgw-broker.1
dist_man_MANS += %D%/llmgw-chat.1
dist_man_MANS += %D%/llmgw-client.1
dist_man_MANS += %D%/llmgw-completion.1
dist_man_MANS += %D%/llmgw-config.1
dist_man_MANS += %D%/llmgw-cost.1
dist_man_MANS += %D%/llmgw-doctor.1
dist_man_MANS += %D%/llmgw-env.1
dist_man_MANS += %D%/llmgw-help.1
dist_man_MANS += %D%/llmgw-keys.1
dist_man_MANS += %D%/llmgw-log.1
dist_man_MANS += %D%/llmgw-sim.1
dist_man_MANS += %D%/llmgw-models.1
dist_man_MANS += %D%/llmgw-prices.1
dist_man_MANS += %D%/llmgw-replay.1
dist_man_MANS += %D%/llmgw-route.1
dist_man_MANS += %D%/llmgw-schema.1
dist_man_MANS += %D%/llmgw-template.1
dist_man_MANS += %D%/llmgw-tokens.1
dist_man_MANS += %D%/llmgw-version.1
dist_man_MANS += %D%/llmgw-config.5
dist_man_MANS += %D%/llmgw-log.5
dist_man_MANS += %D%/llmgw-exit-codes.7
dist_man_MANS += %D%/llmgw-prices.7
dist_man_MANS += %D%/llmgw-protocol.7
dist_man_MANS += %D%/llmgwd.8

# Makes the generated parts of the pages anew, in the source tree; for those who change tables.
update-man: llmgw
	for p in $(srcdir)/man/*.[1-8]; do \
		sh $(srcdir)/man/update.sh ./llmgw $$p >$$p.new && mv $$p.new $$p || exit 1; \
	done
.PHONY: update-man

examplesdir = $(docdir)/examples
dist_examples_DATA = %D%/examples/crontab %D%/examples/functions.sh
