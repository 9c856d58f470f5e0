. /lab/environment
PS1='\h:\w# '
cd /root
