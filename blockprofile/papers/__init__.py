"""What reproduces the figures and calibrations of particular papers. Nothing else imports it.

Figure 2 of BlockProfile, MnasNet's rewards, MoGA's shares of latency, and the calibrations of the shipped devices
and of MoGA's accuracy from published networks.
"""
