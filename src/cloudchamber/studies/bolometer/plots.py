"""x"""


def plots(truth, answers):
    from cloudchamber.report.figures import new_figure

    return {"a": new_figure(1, 1)}
