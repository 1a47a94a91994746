dist_man_MANS += %D%/llmgw-sim.1
