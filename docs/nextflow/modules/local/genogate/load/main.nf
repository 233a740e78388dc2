process GENOGATE_LOAD {
    tag "${meta.id} ${shard}"
    label 'process_low'

    conda "${moduleDir}/environment.yml"
    container "genogate:0.1.0"

    input:
    tuple val(meta), path(vcfs, stageAs: "inputs/?/*"), val(shard)

    output:
    tuple val(meta), path("*.load.json"), emit: report
    path "versions.yml"                 , emit: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    def args   = task.ext.args   ?: ''
    def prefix = task.ext.prefix ?: "${meta.id}"
    def part   = shard.replace('/', '_of_')
    """
    genogate load \\
        ${vcfs} \\
        --load-name ${prefix} \\
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
    echo '{"status": "partial", "shard": "${shard}"}' > ${prefix}.${part}.load.json

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        genogate: \$(genogate --version | sed 's/^genogate //')
    END_VERSIONS
    """
}
