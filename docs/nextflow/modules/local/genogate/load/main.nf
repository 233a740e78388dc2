process GENOGATE_LOAD {
    tag "${meta.id} ${shard}"
    label 'process_low'

    // No registry has the image: build it from docker/Dockerfile, or name a Singularity image of yours in the configuration.
    container "genogate:0.1.0"

    input:
    tuple val(meta), path(vcfs, stageAs: "inputs/*"), path(indexes, stageAs: "inputs/*"), path(manifest, stageAs: "inputs/*"), val(shard)
    val home

    output:
    tuple val(meta), path("*.load.json"), emit: report
    path "versions.yml"                 , emit: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    if (workflow.profile.tokenize(',').intersect(['conda', 'mamba']).size() >= 1) {
        error "GENOGATE_LOAD does not support Conda: no channel has genogate. Use Docker, Singularity or Podman."
    }
    def args   = task.ext.args   ?: ''
    def prefix = task.ext.prefix ?: "${meta.id}"
    def part   = shard.replace('/', '_of_')
    def inputs = manifest ?: vcfs
    """
    export GENOGATE_HOME="${home}"

    genogate load \\
        ${inputs} \\
        --name "${prefix}" \\
        --shard ${shard} \\
        --threads ${task.cpus} \\
        --log-json \\
        --json \\
        ${args} \\
        > ${prefix}.${part}.load.json

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        genogate: \$(genogate --version | sed 's/^genogate //')
    END_VERSIONS
    """

    stub:
    def prefix = task.ext.prefix ?: "${meta.id}"
    def part   = shard.replace('/', '_of_')
    """
    echo '{"status": "unfinished", "shard": "${shard}"}' > ${prefix}.${part}.load.json

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        genogate: \$(genogate --version | sed 's/^genogate //')
    END_VERSIONS
    """
}
